output "workspace_id" {
  description = "The workspace's resource id."
  value       = azurerm_databricks_workspace.this.id
}

output "workspace_url" {
  description = "Host of the workspace."
  value       = azurerm_databricks_workspace.this.workspace_url
}

output "lake_connector_id" {
  description = "Connector that reaches the lake."
  value       = azurerm_databricks_access_connector.lake.id
}

output "lake_connector_principal_id" {
  description = "Object id of that connector's identity."
  value       = azurerm_databricks_access_connector.lake.identity[0].principal_id
}

output "store_connector_id" {
  description = "Connector that reaches the prediction store."
  value       = azurerm_databricks_access_connector.store.id
}

output "store_connector_name" {
  description = "Name of the identity behind it, as the database knows it."
  value       = azurerm_user_assigned_identity.store.name
}

output "store_connector_client_id" {
  description = "Application id of that identity."
  value       = azurerm_user_assigned_identity.store.client_id
}

output "workspace_number" {
  description = "The workspace's number in Databricks."
  value       = azurerm_databricks_workspace.this.workspace_id
}

output "store_identity_id" {
  description = "Resource id of that identity."
  value       = azurerm_user_assigned_identity.store.id
}
