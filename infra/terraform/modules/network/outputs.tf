output "apps_subnet_id" {
  description = "Subnet that the apps go out from."
  value       = azurerm_subnet.apps.id
}

output "training_subnet_id" {
  description = "Subnet of the training cluster."
  value       = azurerm_subnet.training.id
}

output "service_subnet_ids" {
  description = "Subnets with service endpoints: apps, training and Databricks clusters."
  value       = concat([azurerm_subnet.apps.id, azurerm_subnet.training.id], [for subnet in azurerm_subnet.databricks : subnet.id])
}

output "private_endpoint" {
  description = "Subnet and DNS zones of private endpoints, or null."
  value = var.private_endpoints ? {
    subnet_id = azurerm_subnet.endpoints.id
    zone_ids  = { for key, zone in azurerm_private_dns_zone.this : key => zone.id }
  } : null
}

output "databricks" {
  description = "Where the Databricks clusters live."
  value = {
    network_id               = azurerm_virtual_network.this.id
    host_subnet              = azurerm_subnet.databricks["host"].name
    container_subnet         = azurerm_subnet.databricks["container"].name
    host_association_id      = azurerm_subnet_network_security_group_association.databricks["host"].id
    container_association_id = azurerm_subnet_network_security_group_association.databricks["container"].id
  }
}
