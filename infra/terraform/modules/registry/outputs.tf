output "id" {
  description = "The registry."
  value       = azurerm_container_registry.this.id
}

output "login_server" {
  description = "Host that images are named by."
  value       = azurerm_container_registry.this.login_server
}
