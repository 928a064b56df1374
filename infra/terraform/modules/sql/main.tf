resource "azurerm_mssql_server" "this" {
  name                                 = var.name
  resource_group_name                  = var.resource_group_name
  location                             = var.location
  version                              = "12.0"
  minimum_tls_version                  = "1.2"
  public_network_access_enabled        = var.private_endpoint == null || length(var.operator_addresses) > 0
  outbound_network_restriction_enabled = true
  tags                                 = var.tags

  azuread_administrator {
    login_username              = var.administrator.name
    object_id                   = var.administrator.object_id
    tenant_id                   = var.tenant_id
    azuread_authentication_only = true
  }

  identity {
    type = "SystemAssigned"
  }
}

resource "azurerm_mssql_database" "prediction_store" {
  name                                = "prediction_store"
  server_id                           = azurerm_mssql_server.this.id
  sku_name                            = "GP_S_Gen5_${var.size.max_vcores}"
  min_capacity                        = var.size.min_vcores
  auto_pause_delay_in_minutes         = var.size.pause_after_minutes
  max_size_gb                         = var.size.max_size_gb
  zone_redundant                      = var.size.zone_redundant
  storage_account_type                = var.size.geo_backup ? "Geo" : "Local"
  collation                           = "Latin1_General_100_BIN2_UTF8"
  transparent_data_encryption_enabled = true
  ledger_enabled                      = false
  tags                                = var.tags

  short_term_retention_policy {
    retention_days           = var.size.backup_days
    backup_interval_in_hours = 12
  }

  # The service refuses long-term retention while auto-pause is on.
  dynamic "long_term_retention_policy" {
    for_each = var.size.pause_after_minutes < 0 ? toset(["P5W"]) : toset([])
    content {
      weekly_retention = long_term_retention_policy.key
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "azurerm_mssql_virtual_network_rule" "this" {
  for_each  = var.private_endpoint == null ? var.subnet_ids : {}
  name      = "subnet-${each.key}"
  server_id = azurerm_mssql_server.this.id
  subnet_id = each.value
}

resource "azurerm_mssql_firewall_rule" "operators" {
  for_each         = toset(var.operator_addresses)
  name             = "operators-${replace(each.key, "/", "-")}"
  server_id        = azurerm_mssql_server.this.id
  start_ip_address = cidrhost(strcontains(each.key, "/") ? each.key : "${each.key}/32", 0)
  end_ip_address   = cidrhost(strcontains(each.key, "/") ? each.key : "${each.key}/32", -1)
}

module "private_endpoint" {
  source              = "../private_endpoint"
  for_each            = var.private_endpoint == null ? toset([]) : toset(["sqlServer"])
  name                = var.name
  resource_group_name = var.resource_group_name
  location            = var.location
  resource_id         = azurerm_mssql_server.this.id
  subresource         = each.key
  subnet_id           = var.private_endpoint.subnet_id
  dns_zone_ids        = [var.private_endpoint.zone_ids[each.key]]
  tags                = var.tags
}

# Auditing: to Log Analytics, through the diagnostic setting of the server's master database.
resource "azurerm_mssql_server_extended_auditing_policy" "this" {
  server_id              = azurerm_mssql_server.this.id
  log_monitoring_enabled = true
  retention_in_days      = 90
}

resource "azurerm_mssql_server_security_alert_policy" "this" {
  resource_group_name  = var.resource_group_name
  server_name          = azurerm_mssql_server.this.name
  state                = "Enabled"
  email_account_admins = true
  email_addresses      = [var.alert_email]
}

resource "azurerm_monitor_diagnostic_setting" "audit" {
  name                       = "audit"
  target_resource_id         = "${azurerm_mssql_server.this.id}/databases/master"
  log_analytics_workspace_id = var.log_analytics_workspace_id

  enabled_log {
    category = "SQLSecurityAuditEvents"
  }
}
