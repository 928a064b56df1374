locals {
  workspace_id = coalesce(var.existing_workspace_id, one(azurerm_log_analytics_workspace.this[*].id))
}

resource "azurerm_log_analytics_workspace" "this" {
  count               = var.existing_workspace_id == null ? 1 : 0
  name                = "log-${var.name}"
  resource_group_name = var.resource_group_name
  location            = var.location
  sku                 = "PerGB2018"
  retention_in_days   = 90
  daily_quota_gb      = 2
  tags                = var.tags
}

resource "azurerm_application_insights" "this" {
  name                          = "appi-${var.name}"
  resource_group_name           = var.resource_group_name
  location                      = var.location
  workspace_id                  = local.workspace_id
  application_type              = "web"
  local_authentication_disabled = true
  tags                          = var.tags
}

resource "azurerm_monitor_action_group" "this" {
  name                = "ag-${var.name}"
  resource_group_name = var.resource_group_name
  short_name          = "demand"
  tags                = var.tags

  email_receiver {
    name                    = "operators"
    email_address           = var.alert_email
    use_common_alert_schema = true
  }
}
