resource "azurerm_container_registry" "this" {
  name                          = var.name
  resource_group_name           = var.resource_group_name
  location                      = var.location
  sku                           = var.sku
  admin_enabled                 = false
  anonymous_pull_enabled        = false
  public_network_access_enabled = var.private_endpoint == null
  data_endpoint_enabled         = true
  zone_redundancy_enabled       = true
  retention_policy_in_days      = 30
  quarantine_policy_enabled     = false
  tags                          = var.tags
}

module "private_endpoint" {
  source              = "../private_endpoint"
  for_each            = var.private_endpoint == null ? toset([]) : toset(["registry"])
  name                = var.name
  resource_group_name = var.resource_group_name
  location            = var.location
  resource_id         = azurerm_container_registry.this.id
  subresource         = each.key
  subnet_id           = var.private_endpoint.subnet_id
  dns_zone_ids        = [var.private_endpoint.zone_ids[each.key]]
  tags                = var.tags
}

# Hosted runners cannot push to a private registry: images are built by machines of the registry in our network.
resource "azurerm_container_registry_agent_pool" "build" {
  name                      = "build"
  resource_group_name       = var.resource_group_name
  location                  = var.location
  container_registry_name   = azurerm_container_registry.this.name
  tier                      = "S2"
  instance_count            = 1
  virtual_network_subnet_id = var.build_subnet_id
  tags                      = var.tags

  # `az acr agentpool update --count` moves it to 1 for a build and back to 0 after it, for it costs while it is there.
  lifecycle {
    ignore_changes = [instance_count]
  }
}
