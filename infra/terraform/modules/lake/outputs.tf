output "id" {
  description = "The account."
  value       = azurerm_storage_account.this.id
}

output "name" {
  description = "Name of the account."
  value       = azurerm_storage_account.this.name
}

output "containers" {
  description = "Names of the containers."
  value       = { for key, container in azurerm_storage_container.this : key => container.name }
}

output "container_ids" {
  description = "Ids of the containers, for role assignments."
  value       = { for key, container in azurerm_storage_container.this : key => container.id }
}

output "dfs_endpoint" {
  description = "Endpoint of the account, https://."
  value       = azurerm_storage_account.this.primary_dfs_endpoint
}

output "dfs_host" {
  description = "Host of that endpoint."
  value       = azurerm_storage_account.this.primary_dfs_host
}
