# Every right that an identity has in Azure, in one table: who, what, where. SQL's rights are infra/sql/grants.sql.
locals {
  assignments = {
    # Data Factory lands files in raw, starts the Databricks jobs and tells the operators.
    orchestration_raw     = { who = var.identities["orchestration"], role = "Storage Blob Data Contributor", where = var.containers["raw"] }
    orchestration_landing = { who = var.identities["orchestration"], role = "Storage Blob Data Reader", where = var.containers["landing"] }
    orchestration_channel = { who = var.identities["orchestration"], role = "Key Vault Secrets User", where = "${var.key_vault_id}/secrets/notification-webhook" }
    # The job (Azure ML's cluster runs it too) reads raw files and marts, and writes the marts.
    job_raw      = { who = var.identities["job"], role = "Storage Blob Data Reader", where = var.containers["raw"] }
    job_ml       = { who = var.identities["job"], role = "AzureML Data Scientist", where = var.ml_workspace_id }
    job_ml_files = { who = var.identities["job"], role = "Storage Blob Data Contributor", where = var.ml_account_id }
    job_images   = { who = var.identities["job"], role = "AcrPull", where = var.registry_id }
    # Unity Catalog reads and writes files for everybody; it needs its delegator right on the account.
    lake_connector_raw       = { who = var.lake_connector_principal, role = "Storage Blob Data Reader", where = var.containers["raw"] }
    lake_connector_curated   = { who = var.lake_connector_principal, role = "Storage Blob Data Contributor", where = var.containers["curated"] }
    lake_connector_delegator = { who = var.lake_connector_principal, role = "Storage Blob Delegator", where = var.lake_id }
    # The apps pull their image and read their own secret, nothing else.
    api_images       = { who = var.identities["api"], role = "AcrPull", where = var.registry_id }
    api_telemetry    = { who = var.identities["api"], role = "Monitoring Metrics Publisher", where = var.application_insights_id }
    api_keys         = { who = var.identities["api"], role = "Key Vault Secrets User", where = "${var.key_vault_id}/secrets/api-keys-sha256" }
    dashboard_images = { who = var.identities["dashboard"], role = "AcrPull", where = var.registry_id }
    dashboard_key    = { who = var.identities["dashboard"], role = "Key Vault Secrets User", where = "${var.key_vault_id}/secrets/dashboard-api-key" }
    # People turn keys, upload raw files and look at what became of them.
    operators_secrets = { who = var.operators_object_id, role = "Key Vault Secrets Officer", where = var.key_vault_id }
    operators_landing = { who = var.operators_object_id, role = "Storage Blob Data Contributor", where = var.containers["landing"] }
    operators_raw     = { who = var.operators_object_id, role = "Storage Blob Data Reader", where = var.containers["raw"] }
    # The job in the network makes the store's tables and uploads simulated files.
    operations_images  = { who = var.identities["operations"], role = "AcrPull", where = var.registry_id }
    operations_landing = { who = var.identities["operations"], role = "Storage Blob Data Contributor", where = var.containers["landing"] }
    # Azure ML's managed network approves its own way to the store.
    ml_network = { who = var.ml_workspace_principal, role = "Azure AI Enterprise Network Connection Approver", where = var.sql_server_id }
  }
}

resource "azurerm_role_assignment" "this" {
  for_each             = local.assignments
  principal_id         = each.value.who
  role_definition_name = each.value.role
  scope                = each.value.where
}
