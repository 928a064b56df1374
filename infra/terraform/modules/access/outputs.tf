output "lake_connector_assignment_ids" {
  description = "The connector's roles on the lake, for what must come after all of them."
  value       = [for key, assignment in azurerm_role_assignment.this : assignment.id if startswith(key, "lake_connector_")]
}

output "ml_network_assignment_id" {
  description = "Azure ML's role on the SQL server."
  value       = azurerm_role_assignment.this["ml_network"].id
}

output "operations_assignment_ids" {
  description = "The roles of the job in the network."
  value       = [for key, assignment in azurerm_role_assignment.this : assignment.id if startswith(key, "operations_")]
}

output "app_assignment_ids" {
  description = "The apps' roles, for what must come after them."
  value       = [for key in ["api_images", "api_keys", "dashboard_images", "dashboard_key"] : azurerm_role_assignment.this[key].id]
}
