output "api_id" {
  description = "The API's app."
  value       = azurerm_linux_web_app.api.id
}

output "api_name" {
  description = "Name of the API's app."
  value       = azurerm_linux_web_app.api.name
}

output "api_url" {
  description = "Address of the API."
  value       = "https://${azurerm_linux_web_app.api.default_hostname}"
}

output "dashboard_id" {
  description = "The dashboard's app."
  value       = azurerm_linux_web_app.dashboard.id
}

output "dashboard_name" {
  description = "Name of the dashboard's app."
  value       = azurerm_linux_web_app.dashboard.name
}

output "dashboard_url" {
  description = "Address of the dashboard."
  value       = "https://${azurerm_linux_web_app.dashboard.default_hostname}"
}
