# Azure ML keeps artefacts in an account of its own: the lake's hierarchical namespace is not supported there.
resource "azurerm_storage_account" "this" {
  name                             = var.account_name
  resource_group_name              = var.resource_group_name
  location                         = var.location
  account_tier                     = "Standard"
  account_kind                     = "StorageV2"
  account_replication_type         = "ZRS"
  min_tls_version                  = "TLS1_2"
  https_traffic_only_enabled       = true
  shared_access_key_enabled        = false
  local_user_enabled               = false
  default_to_oauth_authentication  = true
  allow_nested_items_to_be_public  = false
  cross_tenant_replication_enabled = false
  public_network_access_enabled    = var.private_endpoint == null
  tags                             = var.tags

  network_rules {
    default_action             = "Deny"
    bypass                     = ["AzureServices"]
    virtual_network_subnet_ids = values(var.subnet_ids)
  }

  blob_properties {
    delete_retention_policy {
      days = 14
    }
    container_delete_retention_policy {
      days = 14
    }
  }
}

module "private_endpoint" {
  source              = "../private_endpoint"
  for_each            = var.private_endpoint == null ? toset([]) : toset(["blob"])
  name                = var.account_name
  resource_group_name = var.resource_group_name
  location            = var.location
  resource_id         = azurerm_storage_account.this.id
  subresource         = each.key
  subnet_id           = var.private_endpoint.subnet_id
  dns_zone_ids        = [var.private_endpoint.zone_ids[each.key]]
  tags                = var.tags
}

resource "azurerm_machine_learning_workspace" "this" {
  name                    = "mlw-${var.name}"
  resource_group_name     = var.resource_group_name
  location                = var.location
  storage_account_id      = azurerm_storage_account.this.id
  key_vault_id            = var.key_vault_id
  application_insights_id = var.application_insights_id
  container_registry_id   = var.registry_id
  # The workspace's own API takes Entra tokens from anywhere, as Databricks' does; its files and its network are private.
  public_network_access_enabled = true
  tags                          = var.tags

  identity {
    type = "SystemAssigned"
  }

  managed_network {
    isolation_mode                = "AllowInternetOutbound"
    provision_on_creation_enabled = true
  }
}

# The managed network is Microsoft's: it reaches the prediction store by a private endpoint of its own, in dev too.
resource "azurerm_machine_learning_workspace_network_outbound_rule_private_endpoint" "store" {
  name                = "prediction-store"
  workspace_id        = azurerm_machine_learning_workspace.this.id
  service_resource_id = var.sql_server_id
  sub_resource_target = "sqlServer"

  depends_on = [terraform_data.connection_approver]
}

resource "terraform_data" "connection_approver" {
  input = var.connection_approver_assigned_id
}

# Scales to zero: costs nothing while nothing trains.
resource "azurerm_machine_learning_compute_cluster" "training" {
  name                          = "training"
  machine_learning_workspace_id = azurerm_machine_learning_workspace.this.id
  location                      = var.location
  vm_priority                   = "LowPriority"
  vm_size                       = var.training_vm
  node_public_ip_enabled        = false
  local_auth_enabled            = false
  tags                          = var.tags

  identity {
    type         = "UserAssigned"
    identity_ids = [var.identity.id]
  }

  scale_settings {
    min_node_count                       = 0
    max_node_count                       = 2
    scale_down_nodes_after_idle_duration = "PT5M"
  }
}

# The provider has no argument yet for how the workspace reaches its own files; with shared keys off it must be itself.
resource "terraform_data" "identity_datastores" {
  triggers_replace = [azurerm_machine_learning_workspace.this.id]

  provisioner "local-exec" {
    command = "az ml workspace update --name '${azurerm_machine_learning_workspace.this.name}' --resource-group '${var.resource_group_name}' --system-datastores-auth-mode identity"
  }
}
