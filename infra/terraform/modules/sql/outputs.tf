output "server_id" {
  description = "The server."
  value       = azurerm_mssql_server.this.id
}

output "server_fqdn" {
  description = "Host of the server."
  value       = azurerm_mssql_server.this.fully_qualified_domain_name
}

output "database_id" {
  description = "The database."
  value       = azurerm_mssql_database.prediction_store.id
}

output "database_name" {
  description = "Name of the database."
  value       = azurerm_mssql_database.prediction_store.name
}

output "store_url" {
  description = "DEMAND_STORE_URL: no user name, so an Entra token signs in."
  value       = "mssql+pyodbc://@${azurerm_mssql_server.this.fully_qualified_domain_name}/${azurerm_mssql_database.prediction_store.name}"
}

output "server_name" {
  description = "Name of the server."
  value       = azurerm_mssql_server.this.name
}
