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
    api_keys         = { who = var.identities["api"], role = "Key Vault Secrets User", where = "${var.key_vault_id}/secrets/api-keys-sha256" }
    dashboard_images = { who = var.identities["dashboard"], role = "AcrPull", where = var.registry_id }
    dashboard_key    = { who = var.identities["dashboard"], role = "Key Vault Secrets User", where = "${var.key_vault_id}/secrets/dashboard-api-key" }
    # People turn keys; the workflow pushes images and uploads files.
    operators_secrets = { who = var.operators_object_id, role = "Key Vault Secrets Officer", where = var.key_vault_id }
    deployer_images   = { who = var.deployer_object_id, role = "AcrPush", where = var.registry_id }
    deployer_landing  = { who = var.deployer_object_id, role = "Storage Blob Data Contributor", where = var.containers["landing"] }
  }
}

resource "azurerm_role_assignment" "this" {
  for_each             = local.assignments
  principal_id         = each.value.who
  role_definition_name = each.value.role
  scope                = each.value.where
}
