output "id" {
  description = "The workspace."
  value       = azurerm_machine_learning_workspace.this.id
}

output "name" {
  description = "Name of the workspace."
  value       = azurerm_machine_learning_workspace.this.name
}

output "account_id" {
  description = "The workspace's storage account."
  value       = azurerm_storage_account.this.id
}

output "principal_id" {
  description = "Object id of the workspace's own identity."
  value       = azurerm_machine_learning_workspace.this.identity[0].principal_id
}
