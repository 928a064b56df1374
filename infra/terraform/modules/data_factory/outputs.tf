output "id" {
  description = "The factory."
  value       = azurerm_data_factory.this.id
}

output "name" {
  description = "Name of the factory."
  value       = azurerm_data_factory.this.name
}
