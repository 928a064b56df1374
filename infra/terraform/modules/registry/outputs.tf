output "id" {
  description = "The registry."
  value       = azurerm_container_registry.this.id
}

output "login_server" {
  description = "Host that images are named by."
  value       = azurerm_container_registry.this.login_server
}

output "build_pool" {
  description = "The machines that build images."
  value       = azurerm_container_registry_agent_pool.build.name
}
