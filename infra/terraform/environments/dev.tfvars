# Ids of the subscription and its people come as TF_VAR_*: subscription_id, tenant_id, suffix, operators, deployer,
# api_audience, dashboard_client_id, alert_email, images.
environment       = "dev"
location          = "westeurope"
private_endpoints = false
lake_replication  = "LRS"
app_sku           = "B1"
app_slots         = false
api_health_path   = "/health"
app_instances     = 1
app_zone_balanced = false
registry_sku      = "Premium"
warehouse_size    = "2X-Small"
monthly_budget    = 300
trigger_enabled   = false
stores            = "CA_1"

sql = {
  max_vcores          = 2
  min_vcores          = 0.5
  pause_after_minutes = 60
  max_size_gb         = 32
  backup_days         = 7
  geo_backup          = false
  zone_redundant      = false
}
