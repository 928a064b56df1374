output "settings" {
  description = "Variables of a process that works on this environment."
  value = {
    DEMAND_DATA_DIR      = "abfss://${module.lake.containers.raw}@${module.lake.dfs_host}/m5"
    DEMAND_STORE_URL     = module.sql.store_url
    DEMAND_WAREHOUSE_URL = "databricks://${module.databricks.workspace_url}${module.unity_catalog.warehouse_http_path}?catalog=${module.unity_catalog.catalog}"
    DEMAND_DBT_TARGET    = "databricks"
    DEMAND_API_URL       = one(module.apps[*].api_url)
    MLFLOW_TRACKING_URI  = "databricks"
    DATABRICKS_HOST      = module.databricks.workspace_url
    DATABRICKS_HTTP_PATH = module.unity_catalog.warehouse_http_path
    DATABRICKS_CATALOG   = module.unity_catalog.catalog
    AZURE_SQL_SERVER     = module.sql.server_fqdn
    AZURE_SQL_DATABASE   = module.sql.database_name
  }
}

output "names" {
  description = "Names that the deployment's later steps ask for."
  value = {
    resource_group            = azurerm_resource_group.this.name
    registry                  = module.registry.login_server
    build_pool                = module.registry.build_pool
    operations                = one(module.operations[*].name)
    operations_principal      = module.identities.principal_ids["operations"]
    dashboard_principal       = module.identities.principal_ids["dashboard"]
    landing                   = "abfss://${module.lake.containers.landing}@${module.lake.dfs_host}/m5"
    sql_server                = module.sql.server_name
    api_url                   = one(module.apps[*].api_url)
    source                    = var.source_kind
    deploy_application        = var.deployer.client_id
    catalog                   = module.unity_catalog.catalog
    api                       = one(module.apps[*].api_name)
    dashboard                 = one(module.apps[*].dashboard_name)
    data_factory              = module.data_factory.name
    ml_workspace              = module.ml_workspace.name
    key_vault                 = module.key_vault.name
    lake                      = module.lake.name
    job_application           = module.identities.job.client_id
    orchestration_application = module.identities.orchestration.client_id
    warehouse                 = module.unity_catalog.warehouse_id
  }
}

output "database_users" {
  description = "Managed identities and what each may do in the prediction store; infra/sql/grants.sql makes them users."
  value = {
    api    = { name = module.identities.api.name, client_id = module.identities.api.client_id }
    writer = { name = module.databricks.store_connector_name, client_id = module.databricks.store_connector_client_id }
    gate   = { name = module.identities.orchestration.name, client_id = module.identities.orchestration.client_id }
    trains = { name = module.identities.job.name, client_id = module.identities.job.client_id }
  }
}

output "urls" {
  description = "Where people look."
  value = {
    api       = one(module.apps[*].api_url)
    dashboard = one(module.apps[*].dashboard_url)
    workspace = "https://${module.databricks.workspace_url}"
  }
}
