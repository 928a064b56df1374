locals {
  api_settings = {
    WEBSITES_PORT                         = "8000"
    AZURE_CLIENT_ID                       = var.api_identity.client_id
    DEMAND_STORE_URL                      = var.store_url
    DEMAND_API_KEYS_SHA256                = "@Microsoft.KeyVault(SecretUri=${var.key_vault_uri}secrets/api-keys-sha256)"
    DEMAND_API_ENTRA_TENANT_ID            = var.tenant_id
    DEMAND_API_ENTRA_AUDIENCE             = var.api_audience
    DEMAND_API_WORKERS                    = "2"
    DEMAND_API_WRITERS                    = var.api_writers
    APPLICATIONINSIGHTS_CONNECTION_STRING = var.application_insights
  }
  dashboard_settings = {
    WEBSITES_PORT                          = "8501"
    DEMAND_API_URL                         = "https://${azurerm_linux_web_app.api.default_hostname}"
    DEMAND_API_KEY                         = "@Microsoft.KeyVault(SecretUri=${var.key_vault_uri}secrets/dashboard-api-key)"
    OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID = var.dashboard_identity.client_id
  }
}

resource "azurerm_service_plan" "this" {
  name                   = "asp-${var.name}"
  resource_group_name    = var.resource_group_name
  location               = var.location
  os_type                = "Linux"
  sku_name               = var.sku
  worker_count           = var.instances
  zone_balancing_enabled = var.zone_balanced
  tags                   = var.tags
}

resource "terraform_data" "access" {
  input = var.key_vault_access_ready
}

resource "azurerm_linux_web_app" "api" {
  name                                           = "app-${var.name}-api"
  resource_group_name                            = var.resource_group_name
  location                                       = var.location
  service_plan_id                                = azurerm_service_plan.this.id
  virtual_network_subnet_id                      = var.subnet_id
  vnet_image_pull_enabled                        = true # the registry lets in our network only
  key_vault_reference_identity_id                = var.api_identity.id
  https_only                                     = true
  client_affinity_enabled                        = false
  ftp_publish_basic_authentication_enabled       = false
  webdeploy_publish_basic_authentication_enabled = false
  tags                                           = var.tags

  identity {
    type         = "UserAssigned"
    identity_ids = [var.api_identity.id]
  }

  # Keys for machines and Entra tokens for people are checked by the API itself.
  app_settings = local.api_settings

  site_config {
    always_on                                     = true
    ftps_state                                    = "Disabled"
    http2_enabled                                 = true
    minimum_tls_version                           = "1.2"
    vnet_route_all_enabled                        = true
    health_check_path                             = var.api_health_path
    health_check_eviction_time_in_min             = 5
    container_registry_use_managed_identity       = true
    container_registry_managed_identity_client_id = var.api_identity.client_id

    application_stack {
      docker_image_name   = "retail-demand-api@${var.images.api}"
      docker_registry_url = "https://${var.registry_login_server}"
    }
  }

  logs {
    detailed_error_messages = true
    failed_request_tracing  = true

    http_logs {
      file_system {
        retention_in_days = 7
        retention_in_mb   = 35
      }
    }
  }

  # A release moves the image (infra/release.sh): Terraform gives the first one.
  lifecycle {
    ignore_changes = [site_config[0].application_stack]
  }

  depends_on = [terraform_data.access]
}

resource "azurerm_linux_web_app" "dashboard" {
  name                                           = "app-${var.name}-dashboard"
  resource_group_name                            = var.resource_group_name
  location                                       = var.location
  service_plan_id                                = azurerm_service_plan.this.id
  virtual_network_subnet_id                      = var.subnet_id
  vnet_image_pull_enabled                        = true # the registry lets in our network only
  key_vault_reference_identity_id                = var.dashboard_identity.id
  https_only                                     = true
  client_affinity_enabled                        = true # Streamlit keeps a session on one instance
  ftp_publish_basic_authentication_enabled       = false
  webdeploy_publish_basic_authentication_enabled = false
  tags                                           = var.tags

  identity {
    type         = "UserAssigned"
    identity_ids = [var.dashboard_identity.id]
  }

  app_settings = local.dashboard_settings

  # Who may look is decided before the page: Entra's login, without a client secret (the identity vouches).
  auth_settings_v2 {
    auth_enabled           = true
    require_authentication = true
    unauthenticated_action = "RedirectToLoginPage"
    default_provider       = "azureactivedirectory"
    require_https          = true

    active_directory_v2 {
      client_id                  = var.dashboard_client_id
      tenant_auth_endpoint       = "https://login.microsoftonline.com/${var.tenant_id}/v2.0"
      client_secret_setting_name = "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID" # pragma: allowlist secret
    }

    login {
      token_store_enabled = false
    }
  }

  site_config {
    always_on                                     = true
    ftps_state                                    = "Disabled"
    http2_enabled                                 = true
    websockets_enabled                            = true
    minimum_tls_version                           = "1.2"
    vnet_route_all_enabled                        = true
    health_check_path                             = "/_stcore/health"
    health_check_eviction_time_in_min             = 5
    container_registry_use_managed_identity       = true
    container_registry_managed_identity_client_id = var.dashboard_identity.client_id

    application_stack {
      docker_image_name   = "retail-demand-dashboard@${var.images.dashboard}"
      docker_registry_url = "https://${var.registry_login_server}"
    }
  }

  logs {
    detailed_error_messages = true
    failed_request_tracing  = true

    http_logs {
      file_system {
        retention_in_days = 7
        retention_in_mb   = 35
      }
    }
  }

  # A release moves the image (infra/release.sh): Terraform gives the first one.
  lifecycle {
    ignore_changes = [site_config[0].application_stack]
  }

  depends_on = [terraform_data.access]
}

# The next release starts here, is looked at, and is swapped in; the release before stays here for a swap back.
resource "azurerm_linux_web_app_slot" "api" {
  for_each                                       = var.slots ? toset(["next"]) : toset([])
  name                                           = each.key
  app_service_id                                 = azurerm_linux_web_app.api.id
  virtual_network_subnet_id                      = var.subnet_id
  vnet_image_pull_enabled                        = true # the registry lets in our network only
  key_vault_reference_identity_id                = var.api_identity.id
  https_only                                     = true
  client_affinity_enabled                        = false
  ftp_publish_basic_authentication_enabled       = false
  webdeploy_publish_basic_authentication_enabled = false
  tags                                           = var.tags

  identity {
    type         = "UserAssigned"
    identity_ids = [var.api_identity.id]
  }

  # Keys for machines and Entra tokens for people are checked by the API itself.
  app_settings = local.api_settings

  site_config {
    always_on                                     = true
    ftps_state                                    = "Disabled"
    http2_enabled                                 = true
    minimum_tls_version                           = "1.2"
    vnet_route_all_enabled                        = true
    health_check_path                             = var.api_health_path
    health_check_eviction_time_in_min             = 5
    container_registry_use_managed_identity       = true
    container_registry_managed_identity_client_id = var.api_identity.client_id

    application_stack {
      docker_image_name   = "retail-demand-api@${var.images.api}"
      docker_registry_url = "https://${var.registry_login_server}"
    }
  }

  # A release moves the image (infra/release.sh): Terraform gives the first one.
  lifecycle {
    ignore_changes = [site_config[0].application_stack]
  }

}

resource "azurerm_linux_web_app_slot" "dashboard" {
  for_each                                       = var.slots ? toset(["next"]) : toset([])
  name                                           = each.key
  app_service_id                                 = azurerm_linux_web_app.dashboard.id
  virtual_network_subnet_id                      = var.subnet_id
  vnet_image_pull_enabled                        = true # the registry lets in our network only
  key_vault_reference_identity_id                = var.dashboard_identity.id
  https_only                                     = true
  client_affinity_enabled                        = true # Streamlit keeps a session on one instance
  ftp_publish_basic_authentication_enabled       = false
  webdeploy_publish_basic_authentication_enabled = false
  tags                                           = var.tags

  identity {
    type         = "UserAssigned"
    identity_ids = [var.dashboard_identity.id]
  }

  app_settings = local.dashboard_settings

  # Who may look is decided before the page: Entra's login, without a client secret (the identity vouches).
  auth_settings_v2 {
    auth_enabled           = true
    require_authentication = true
    unauthenticated_action = "RedirectToLoginPage"
    default_provider       = "azureactivedirectory"
    require_https          = true

    active_directory_v2 {
      client_id                  = var.dashboard_client_id
      tenant_auth_endpoint       = "https://login.microsoftonline.com/${var.tenant_id}/v2.0"
      client_secret_setting_name = "OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID" # pragma: allowlist secret
    }

    login {
      token_store_enabled = false
    }
  }

  site_config {
    always_on                                     = true
    ftps_state                                    = "Disabled"
    http2_enabled                                 = true
    websockets_enabled                            = true
    minimum_tls_version                           = "1.2"
    vnet_route_all_enabled                        = true
    health_check_path                             = "/_stcore/health"
    health_check_eviction_time_in_min             = 5
    container_registry_use_managed_identity       = true
    container_registry_managed_identity_client_id = var.dashboard_identity.client_id

    application_stack {
      docker_image_name   = "retail-demand-dashboard@${var.images.dashboard}"
      docker_registry_url = "https://${var.registry_login_server}"
    }
  }

  # A release moves the image (infra/release.sh): Terraform gives the first one.
  lifecycle {
    ignore_changes = [site_config[0].application_stack]
  }

}

resource "azurerm_monitor_diagnostic_setting" "this" {
  for_each                   = { api = azurerm_linux_web_app.api.id, dashboard = azurerm_linux_web_app.dashboard.id }
  name                       = "logs"
  target_resource_id         = each.value
  log_analytics_workspace_id = var.log_analytics_id

  enabled_log {
    category = "AppServiceConsoleLogs"
  }
  enabled_log {
    category = "AppServiceHTTPLogs"
  }
}
