locals {
  name = "${var.workload}-${var.environment}-${var.suffix}"
  # storage accounts and registries allow letters and digits only
  compact = "${var.workload}${var.environment}${var.suffix}"
  tags = {
    workload    = var.workload
    environment = var.environment
    managed_by  = "terraform"
  }
}

resource "azurerm_resource_group" "this" {
  name     = "rg-${local.name}"
  location = var.location
  tags     = local.tags

  lifecycle {
    prevent_destroy = true
  }
}

module "network" {
  source              = "./modules/network"
  name                = local.name
  resource_group_name = azurerm_resource_group.this.name
  location            = var.location
  address_space       = var.address_space
  private_endpoints   = var.private_endpoints
  existing            = var.existing_network
  existing_zone_ids   = var.existing_zone_ids
  tags                = local.tags
}

module "monitoring" {
  source                = "./modules/monitoring"
  name                  = local.name
  resource_group_name   = azurerm_resource_group.this.name
  location              = var.location
  alert_email           = var.alert_email
  existing_workspace_id = var.existing_workspace_id
  tags                  = local.tags
}

module "identities" {
  source              = "./modules/identities"
  name                = local.name
  resource_group_name = azurerm_resource_group.this.name
  location            = var.location
  tags                = local.tags
}

module "lake" {
  source                     = "./modules/lake"
  name                       = "st${local.compact}"
  resource_group_name        = azurerm_resource_group.this.name
  location                   = var.location
  replication                = var.lake_replication
  operator_addresses         = var.operator_addresses
  subnet_ids                 = module.network.service_subnet_ids
  private_endpoint           = module.network.private_endpoint
  log_analytics_workspace_id = module.monitoring.workspace_id
  tags                       = local.tags
}

module "key_vault" {
  source                     = "./modules/key_vault"
  name                       = "kv-${local.name}"
  resource_group_name        = azurerm_resource_group.this.name
  location                   = var.location
  tenant_id                  = var.tenant_id
  subnet_ids                 = module.network.service_subnet_ids
  private_endpoint           = module.network.private_endpoint
  log_analytics_workspace_id = module.monitoring.workspace_id
  tags                       = local.tags
}

module "sql" {
  source                     = "./modules/sql"
  name                       = "sql-${local.name}"
  resource_group_name        = azurerm_resource_group.this.name
  location                   = var.location
  tenant_id                  = var.tenant_id
  administrator              = var.operators
  size                       = var.sql
  operator_addresses         = var.operator_addresses
  alert_email                = var.alert_email
  subnet_ids                 = module.network.service_subnet_ids
  private_endpoint           = module.network.private_endpoint
  log_analytics_workspace_id = module.monitoring.workspace_id
  tags                       = local.tags
}

module "registry" {
  source              = "./modules/registry"
  name                = "cr${local.compact}"
  resource_group_name = azurerm_resource_group.this.name
  location            = var.location
  sku                 = var.registry_sku
  build_subnet_id     = module.network.build_subnet_id
  private_endpoint    = module.network.private_endpoint
  tags                = local.tags
}

module "databricks" {
  source              = "./modules/databricks"
  name                = local.name
  resource_group_name = azurerm_resource_group.this.name
  location            = var.location
  network             = module.network.databricks
  tags                = local.tags
}

module "unity_catalog" {
  source                   = "./modules/unity_catalog"
  catalog                  = "${var.workload}_${var.environment}"
  lake_dfs_endpoint        = module.lake.dfs_endpoint
  lake_account             = module.lake.name
  lake_connector_id        = module.databricks.lake_connector_id
  store_connector_id       = module.databricks.store_connector_id
  job_client_id            = module.identities.job.client_id
  data_factory_client_id   = module.identities.orchestration.client_id
  admins                   = var.databricks_admins
  warehouse_size           = var.warehouse_size
  lake_access_assigned_ids = module.access.lake_connector_assignment_ids
  role_propagation_seconds = var.role_propagation_seconds
  store_identity_id        = module.databricks.store_identity_id
  deployer_client_id       = var.deployer.client_id
  retailer_catalogs        = var.retailer_catalogs
  metastore_id             = var.metastore_id
  workspace_number         = module.databricks.workspace_number
}

module "data_factory" {
  source                     = "./modules/data_factory"
  name                       = "adf-${local.name}"
  resource_group_name        = azurerm_resource_group.this.name
  location                   = var.location
  identity_id                = module.identities.orchestration.id
  lake_dfs_endpoint          = module.lake.dfs_endpoint
  lake_id                    = module.lake.id
  databricks_workspace_url   = module.databricks.workspace_url
  source_url                 = coalesce(var.source_url, module.lake.dfs_endpoint)
  key_vault_id               = module.key_vault.id
  key_vault_uri              = module.key_vault.uri
  sql_id                     = module.sql.server_id
  sql_server_fqdn            = module.sql.server_fqdn
  sql_database               = module.sql.database_name
  stores                     = var.stores
  source_kind                = var.source_kind
  trigger_enabled            = var.trigger_enabled
  log_analytics_workspace_id = module.monitoring.workspace_id
  tags                       = local.tags
}

module "ml_workspace" {
  source                          = "./modules/ml_workspace"
  name                            = local.name
  account_name                    = "ml${local.compact}"
  resource_group_name             = azurerm_resource_group.this.name
  location                        = var.location
  application_insights_id         = module.monitoring.application_insights_id
  key_vault_id                    = module.key_vault.id
  registry_id                     = module.registry.id
  identity                        = module.identities.job
  training_vm                     = var.training_vm
  sql_server_id                   = module.sql.server_id
  connection_approver_assigned_id = module.access.ml_network_assignment_id
  subnet_ids                      = module.network.service_subnet_ids
  private_endpoint                = module.network.private_endpoint
  tags                            = local.tags
}

# The apps start with secrets and tables that are there already, so they come with the first images (infra/README.md).
module "apps" {
  source                 = "./modules/apps"
  count                  = var.images == null ? 0 : 1
  name                   = local.name
  resource_group_name    = azurerm_resource_group.this.name
  location               = var.location
  sku                    = var.app_sku
  instances              = var.app_instances
  zone_balanced          = var.app_zone_balanced
  subnet_id              = module.network.apps_subnet_id
  registry_login_server  = module.registry.login_server
  images                 = var.images
  slots                  = var.app_slots
  api_health_path        = var.api_health_path
  api_writers            = var.api_writers
  api_identity           = module.identities.api
  dashboard_identity     = module.identities.dashboard
  key_vault_uri          = module.key_vault.uri
  store_url              = module.sql.store_url
  tenant_id              = var.tenant_id
  api_audience           = var.api_audience
  dashboard_client_id    = var.dashboard_client_id
  application_insights   = module.monitoring.application_insights_connection_string
  log_analytics_id       = module.monitoring.workspace_id
  key_vault_access_ready = module.access.app_assignment_ids
  tags                   = local.tags
}

module "operations" {
  source                     = "./modules/operations"
  count                      = var.images == null ? 0 : 1
  name                       = local.name
  resource_group_name        = azurerm_resource_group.this.name
  location                   = var.location
  log_analytics_workspace_id = module.monitoring.workspace_id
  subnet_id                  = module.network.operations_subnet_id
  access_ready               = module.access.operations_assignment_ids
  identity                   = module.identities.operations
  registry_login_server      = module.registry.login_server
  image                      = var.images.api
  settings                   = { DEMAND_STORE_URL = module.sql.store_url }
  tags                       = local.tags
}

module "access" {
  source                   = "./modules/access"
  operators_object_id      = var.operators.object_id
  identities               = module.identities.principal_ids
  lake_connector_principal = module.databricks.lake_connector_principal_id
  lake_id                  = module.lake.id
  containers               = module.lake.container_ids
  key_vault_id             = module.key_vault.id
  registry_id              = module.registry.id
  ml_workspace_id          = module.ml_workspace.id
  ml_account_id            = module.ml_workspace.account_id
  ml_workspace_principal   = module.ml_workspace.principal_id
  sql_server_id            = module.sql.server_id
  application_insights_id  = module.monitoring.application_insights_id
}

module "alerts" {
  source                  = "./modules/alerts"
  name                    = local.name
  resource_group_name     = azurerm_resource_group.this.name
  location                = var.location
  action_group_id         = module.monitoring.action_group_id
  workspace_id            = module.monitoring.workspace_id
  data_factory_id         = module.data_factory.id
  database_id             = module.sql.database_id
  api_id                  = one(module.apps[*].api_id)
  api_url                 = one(module.apps[*].api_url)
  dashboard_id            = one(module.apps[*].dashboard_id)
  application_insights_id = module.monitoring.application_insights_id
  with_apps               = var.images != null
  watch_freshness         = var.images != null && var.sql.pause_after_minutes < 0
  publish_by_hour         = var.publish_by_hour
  lake_id                 = module.lake.id
  tags                    = local.tags
}

module "budget" {
  source            = "./modules/budget"
  name              = local.name
  resource_group_id = azurerm_resource_group.this.id
  monthly_amount    = var.monthly_budget
  action_group_id   = module.monitoring.action_group_id
  start_date        = coalesce(var.budget_start, formatdate("YYYY-MM-01'T'00:00:00Z", plantimestamp()))
}

resource "azurerm_resource_group_policy_exemption" "this" {
  for_each             = var.policy_exemptions
  name                 = each.key
  resource_group_id    = azurerm_resource_group.this.id
  policy_assignment_id = each.value
  exemption_category   = "Mitigated"
  description          = "See infra/README.md, \"In a landing zone\"."
}
