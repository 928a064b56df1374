output "catalog" {
  description = "Name of the catalog."
  value       = databricks_catalog.this.name
}

output "volume_path" {
  description = "Folder of raw files, as clusters and warehouses see it."
  value       = databricks_volume.raw.volume_path
}

output "warehouse_id" {
  description = "The SQL warehouse."
  value       = databricks_sql_endpoint.this.id
}

output "warehouse_http_path" {
  description = "Its HTTP path."
  value       = "/sql/1.0/warehouses/${databricks_sql_endpoint.this.id}"
}
