output "workspace_id" {
  description = "Log Analytics workspace."
  value       = local.workspace_id
}

output "application_insights_id" {
  description = "Application Insights."
  value       = azurerm_application_insights.this.id
}

output "application_insights_connection_string" {
  description = "Where telemetry goes; no secret, since local authentication is off."
  value       = azurerm_application_insights.this.connection_string
  sensitive   = true
}

output "action_group_id" {
  description = "Who is told."
  value       = azurerm_monitor_action_group.this.id
}
