# A job in the network, for what nobody outside it can reach: the store's tables and users, and files for the lake. The
# workflow and the operators start it by Azure's API (infra/operate.sh); it costs while it runs.
resource "azurerm_container_app_environment" "this" {
  name                           = "cae-${var.name}"
  resource_group_name            = var.resource_group_name
  location                       = var.location
  log_analytics_workspace_id     = var.log_analytics_workspace_id
  logs_destination               = "log-analytics"
  infrastructure_subnet_id       = var.subnet_id
  internal_load_balancer_enabled = true
  tags                           = var.tags

  workload_profile {
    name                  = "Consumption"
    workload_profile_type = "Consumption"
  }
}

resource "terraform_data" "access" {
  input = var.access_ready
}

resource "azurerm_container_app_job" "this" {
  name                         = "job-${var.name}"
  resource_group_name          = var.resource_group_name
  location                     = var.location
  container_app_environment_id = azurerm_container_app_environment.this.id
  workload_profile_name        = "Consumption"
  replica_timeout_in_seconds   = 3600
  replica_retry_limit          = 0
  tags                         = var.tags

  manual_trigger_config {
    parallelism              = 1
    replica_completion_count = 1
  }

  identity {
    type         = "UserAssigned"
    identity_ids = [var.identity.id]
  }

  registry {
    server   = var.registry_login_server
    identity = var.identity.id
  }

  template {
    container {
      name    = "demand"
      image   = "${var.registry_login_server}/retail-demand-api@${var.image}"
      cpu     = 1
      memory  = "2Gi"
      command = ["demand"]
      args    = ["store", "status"]

      dynamic "env" {
        for_each = merge(var.settings, { AZURE_CLIENT_ID = var.identity.client_id })
        content {
          name  = env.key
          value = env.value
        }
      }
    }
  }

  # each start names its command and the release's image
  lifecycle {
    ignore_changes = [template[0].container]
  }

  depends_on = [terraform_data.access]
}
