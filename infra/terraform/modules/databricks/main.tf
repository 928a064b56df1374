resource "azurerm_databricks_workspace" "this" {
  name                        = "dbw-${var.name}"
  resource_group_name         = var.resource_group_name
  location                    = var.location
  sku                         = "premium"
  managed_resource_group_name = "rg-${var.name}-databricks"
  # Data Factory and the workflow speak to the workspace's API, with Entra tokens; its clusters have no public address.
  public_network_access_enabled = true
  tags                          = var.tags

  custom_parameters {
    no_public_ip                                         = true
    virtual_network_id                                   = var.network.network_id
    public_subnet_name                                   = var.network.host_subnet
    private_subnet_name                                  = var.network.container_subnet
    public_subnet_network_security_group_association_id  = var.network.host_association_id
    private_subnet_network_security_group_association_id = var.network.container_association_id
  }
}

# Two connectors, since reading files and writing the store are two rights.
resource "azurerm_user_assigned_identity" "store" {
  name                = "id-${var.name}-store"
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags
}

resource "azurerm_databricks_access_connector" "lake" {
  name                = "dbac-${var.name}-lake"
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags

  identity {
    type = "SystemAssigned"
  }
}

resource "azurerm_databricks_access_connector" "store" {
  name                = "dbac-${var.name}-store"
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.store.id]
  }
}
