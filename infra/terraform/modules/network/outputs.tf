output "apps_subnet_id" {
  description = "Subnet that the apps go out from."
  value       = azurerm_subnet.apps.id
}

output "operations_subnet_id" {
  description = "Subnet of the job in the network."
  value       = azurerm_subnet.operations.id
}

output "build_subnet_id" {
  description = "Subnet of the machines that build images."
  value       = azurerm_subnet.build.id
}

output "service_subnet_ids" {
  description = "Subnets with service endpoints, by name: apps, the job in the network, Databricks' clusters and warehouse."
  value = {
    apps                 = azurerm_subnet.apps.id
    operations           = azurerm_subnet.operations.id
    databricks_host      = azurerm_subnet.databricks["host"].id
    databricks_container = azurerm_subnet.databricks["container"].id
  }
}

output "private_endpoint" {
  description = "Subnet and DNS zones of private endpoints, or null."
  value = var.private_endpoints ? {
    subnet_id = azurerm_subnet.endpoints.id
    zone_ids  = merge({ for key, zone in azurerm_private_dns_zone.this : key => zone.id }, var.existing_zone_ids)
  } : null
}

output "databricks" {
  description = "Where the Databricks clusters live."
  value = {
    network_id               = local.network.id
    host_subnet              = azurerm_subnet.databricks["host"].name
    container_subnet         = azurerm_subnet.databricks["container"].name
    host_association_id      = azurerm_subnet_network_security_group_association.databricks["host"].id
    container_association_id = azurerm_subnet_network_security_group_association.databricks["container"].id
  }
}
