locals {
  zones = {
    blob      = "privatelink.blob.core.windows.net"
    dfs       = "privatelink.dfs.core.windows.net"
    vault     = "privatelink.vaultcore.azure.net"
    sqlServer = "privatelink.database.windows.net"
    registry  = "privatelink.azurecr.io"
  }
  service_endpoints = ["Microsoft.Storage", "Microsoft.KeyVault", "Microsoft.Sql"]

  # a landing zone's network, or one of our own
  network = var.existing == null ? {
    id             = one(azurerm_virtual_network.this[*].id)
    name           = one(azurerm_virtual_network.this[*].name)
    resource_group = var.resource_group_name
    } : {
    id             = var.existing.id
    name           = element(split("/", var.existing.id), 8)
    resource_group = element(split("/", var.existing.id), 4)
  }
  without_address = {
    databricks_host      = azurerm_subnet.databricks["host"].id
    databricks_container = azurerm_subnet.databricks["container"].id
    operations           = azurerm_subnet.operations.id
    build                = azurerm_subnet.build.id
  }
  own_exit  = var.existing == null || try(var.existing.routes_to_a_firewall, false) == false
  own_zones = var.private_endpoints ? { for key, zone in local.zones : key => zone if !contains(keys(var.existing_zone_ids), key) } : {}
}

resource "azurerm_virtual_network" "this" {
  count               = var.existing == null ? 1 : 0
  name                = "vnet-${var.name}"
  resource_group_name = var.resource_group_name
  location            = var.location
  address_space       = [var.address_space]
  tags                = var.tags
}

# Azure's own rules deny what comes from the internet; Databricks adds the rules that its clusters need.
resource "azurerm_network_security_group" "this" {
  for_each            = toset(["endpoints", "apps", "databricks"])
  name                = "nsg-${var.name}-${each.key}"
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags
}

resource "azurerm_subnet" "endpoints" {
  name                 = "endpoints"
  resource_group_name  = local.network.resource_group
  virtual_network_name = local.network.name
  address_prefixes     = [cidrsubnet(var.address_space, 4, 0)]
}

resource "azurerm_subnet" "apps" {
  name                 = "apps"
  resource_group_name  = local.network.resource_group
  virtual_network_name = local.network.name
  address_prefixes     = [cidrsubnet(var.address_space, 4, 1)]
  service_endpoints    = local.service_endpoints

  delegation {
    name = "app-service"

    service_delegation {
      name    = "Microsoft.Web/serverFarms"
      actions = ["Microsoft.Network/virtualNetworks/subnets/action"]
    }
  }
}

resource "azurerm_subnet" "operations" {
  name                 = "operations"
  resource_group_name  = local.network.resource_group
  virtual_network_name = local.network.name
  address_prefixes     = [cidrsubnet(var.address_space, 4, 3)]
  service_endpoints    = local.service_endpoints

  delegation {
    name = "container-apps"

    service_delegation {
      name    = "Microsoft.App/environments"
      actions = ["Microsoft.Network/virtualNetworks/subnets/join/action"]
    }
  }
}

# The registry's own machines that build images.
resource "azurerm_subnet" "build" {
  name                 = "build"
  resource_group_name  = local.network.resource_group
  virtual_network_name = local.network.name
  address_prefixes     = [cidrsubnet(var.address_space, 4, 2)]
  service_endpoints    = local.service_endpoints
}

resource "azurerm_subnet" "databricks" {
  for_each             = { host = 2, container = 3 }
  name                 = "databricks-${each.key}"
  resource_group_name  = local.network.resource_group
  virtual_network_name = local.network.name
  address_prefixes     = [cidrsubnet(var.address_space, 2, each.value)]
  service_endpoints    = local.service_endpoints

  delegation {
    name = "databricks"

    service_delegation {
      name = "Microsoft.Databricks/workspaces"
      actions = [
        "Microsoft.Network/virtualNetworks/subnets/join/action",
        "Microsoft.Network/virtualNetworks/subnets/prepareNetworkPolicies/action",
        "Microsoft.Network/virtualNetworks/subnets/unprepareNetworkPolicies/action",
      ]
    }
  }
}

resource "azurerm_subnet_network_security_group_association" "endpoints" {
  subnet_id                 = azurerm_subnet.endpoints.id
  network_security_group_id = azurerm_network_security_group.this["endpoints"].id
}

resource "azurerm_subnet_network_security_group_association" "apps" {
  subnet_id                 = azurerm_subnet.apps.id
  network_security_group_id = azurerm_network_security_group.this["apps"].id
}

resource "azurerm_subnet_network_security_group_association" "operations" {
  subnet_id                 = azurerm_subnet.operations.id
  network_security_group_id = azurerm_network_security_group.this["apps"].id
}

resource "azurerm_subnet_network_security_group_association" "build" {
  subnet_id                 = azurerm_subnet.build.id
  network_security_group_id = azurerm_network_security_group.this["apps"].id
}

resource "azurerm_subnet_network_security_group_association" "databricks" {
  for_each                  = azurerm_subnet.databricks
  subnet_id                 = each.value.id
  network_security_group_id = azurerm_network_security_group.this["databricks"].id
}

# What has no public address goes out through one address of ours, or by the landing zone's own routes.
resource "azurerm_public_ip" "out" {
  count               = local.own_exit ? 1 : 0
  name                = "pip-${var.name}-out"
  resource_group_name = var.resource_group_name
  location            = var.location
  allocation_method   = "Static"
  sku                 = "Standard"
  tags                = var.tags
}

resource "azurerm_nat_gateway" "out" {
  count               = local.own_exit ? 1 : 0
  name                = "nat-${var.name}"
  resource_group_name = var.resource_group_name
  location            = var.location
  sku_name            = "Standard"
  tags                = var.tags
}

resource "azurerm_nat_gateway_public_ip_association" "out" {
  count                = local.own_exit ? 1 : 0
  nat_gateway_id       = azurerm_nat_gateway.out[0].id
  public_ip_address_id = azurerm_public_ip.out[0].id
}

resource "azurerm_subnet_nat_gateway_association" "this" {
  for_each       = local.own_exit ? local.without_address : {}
  subnet_id      = each.value
  nat_gateway_id = azurerm_nat_gateway.out[0].id
}

resource "azurerm_private_dns_zone" "this" {
  for_each            = local.own_zones
  name                = each.value
  resource_group_name = var.resource_group_name
  tags                = var.tags
}

resource "azurerm_private_dns_zone_virtual_network_link" "this" {
  for_each              = azurerm_private_dns_zone.this
  name                  = each.key
  resource_group_name   = var.resource_group_name
  private_dns_zone_name = each.value.name
  virtual_network_id    = local.network.id
  tags                  = var.tags
}
