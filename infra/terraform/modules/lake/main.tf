resource "azurerm_storage_account" "this" {
  name                              = var.name
  resource_group_name               = var.resource_group_name
  location                          = var.location
  account_tier                      = "Standard"
  account_kind                      = "StorageV2"
  account_replication_type          = var.replication
  is_hns_enabled                    = true
  min_tls_version                   = "TLS1_2"
  https_traffic_only_enabled        = true
  shared_access_key_enabled         = false
  local_user_enabled                = false
  default_to_oauth_authentication   = true
  allow_nested_items_to_be_public   = false
  cross_tenant_replication_enabled  = false
  public_network_access_enabled     = var.private_endpoint == null || length(var.operator_addresses) > 0
  infrastructure_encryption_enabled = true
  tags                              = var.tags

  network_rules {
    default_action             = "Deny"
    bypass                     = ["AzureServices"]
    virtual_network_subnet_ids = values(var.subnet_ids)
    ip_rules                   = var.operator_addresses
  }

  blob_properties {
    delete_retention_policy {
      days = 14
    }
    container_delete_retention_policy {
      days = 14
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}

# landing: where files are dropped. raw: files as they came, kept. curated: Delta tables and reports, made again from raw at any time.
resource "azurerm_storage_container" "this" {
  for_each              = toset(["landing", "raw", "curated"])
  name                  = each.key
  storage_account_id    = azurerm_storage_account.this.id
  container_access_type = "private"
}

resource "azurerm_storage_management_policy" "this" {
  storage_account_id = azurerm_storage_account.this.id

  rule {
    name    = "raw-cools-down"
    enabled = true

    filters {
      blob_types   = ["blockBlob"]
      prefix_match = ["raw/"]
    }

    actions {
      base_blob {
        tier_to_cool_after_days_since_modification_greater_than = 90
        tier_to_cold_after_days_since_modification_greater_than = 365
      }
    }
  }

  rule {
    name    = "exports-go"
    enabled = true

    filters {
      blob_types   = ["blockBlob"]
      prefix_match = ["curated/exports/"]
    }

    actions {
      base_blob {
        delete_after_days_since_modification_greater_than = 180
      }
    }
  }
}

module "private_endpoint" {
  source              = "../private_endpoint"
  for_each            = var.private_endpoint == null ? toset([]) : toset(["blob", "dfs"])
  name                = var.name
  resource_group_name = var.resource_group_name
  location            = var.location
  resource_id         = azurerm_storage_account.this.id
  subresource         = each.key
  subnet_id           = var.private_endpoint.subnet_id
  dns_zone_ids        = [var.private_endpoint.zone_ids[each.key]]
  tags                = var.tags
}

resource "azurerm_monitor_diagnostic_setting" "this" {
  name                       = "audit"
  target_resource_id         = "${azurerm_storage_account.this.id}/blobServices/default"
  log_analytics_workspace_id = var.log_analytics_workspace_id

  enabled_log {
    category = "StorageRead"
  }
  enabled_log {
    category = "StorageWrite"
  }
  enabled_log {
    category = "StorageDelete"
  }
}
