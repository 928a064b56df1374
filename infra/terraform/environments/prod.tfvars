# Ids of the subscription and its people come as TF_VAR_*: subscription_id, tenant_id, suffix, operators, deployer,
# api_audience, dashboard_client_id, alert_email, images.
environment       = "prod"
location          = "westeurope"
private_endpoints = true
lake_replication  = "GZRS"
app_sku           = "P1v3"
app_slots         = true
app_instances     = 2
registry_sku      = "Premium"
warehouse_size    = "Small"
monthly_budget    = 1500
trigger_enabled   = true
stores            = ""

sql = {
  max_vcores          = 4
  min_vcores          = 0.5
  pause_after_minutes = -1
  max_size_gb         = 64
  backup_days         = 14
  geo_backup          = true
  zone_redundant      = true
}
