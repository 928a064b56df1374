output "lake_connector_assignment_id" {
  description = "The connector's role on curated, for what must come after it."
  value       = azurerm_role_assignment.this["lake_connector_curated"].id
}

output "app_assignment_ids" {
  description = "The apps' roles, for what must come after them."
  value       = [for key in ["api_images", "api_keys", "dashboard_images", "dashboard_key"] : azurerm_role_assignment.this[key].id]
}
