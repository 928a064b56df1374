resource "databricks_service_principal" "job" {
  application_id       = var.job_client_id
  display_name         = "demand-job"
  allow_cluster_create = true
}

resource "databricks_service_principal" "orchestration" {
  application_id = var.data_factory_client_id
  display_name   = "demand-orchestration"
}

resource "databricks_storage_credential" "lake" {
  name    = "${var.catalog}_lake"
  comment = "Reads raw and writes curated, of ${var.lake_account}."
  owner   = var.admins

  azure_managed_identity {
    access_connector_id = var.lake_connector_id
  }

  depends_on = [terraform_data.lake_access, databricks_metastore_assignment.this]
}

# A location is refused while its identity lacks a role on the lake, and a new role takes minutes to be known there.
resource "terraform_data" "lake_access" {
  triggers_replace = var.lake_access_assigned_ids

  provisioner "local-exec" {
    command = "sleep ${var.role_propagation_seconds}"
  }
}

resource "databricks_credential" "store" {
  name    = "${var.catalog}_store"
  purpose = "SERVICE"
  comment = "Signs jobs in to the prediction store."
  owner   = var.admins

  azure_managed_identity {
    access_connector_id = var.store_connector_id
    # the connector has no identity of its own, which Unity Catalog would take otherwise
    managed_identity_id = var.store_identity_id
  }
}

resource "databricks_external_location" "this" {
  for_each        = { raw = true, curated = false }
  name            = "${var.catalog}_${each.key}"
  url             = "abfss://${each.key}@${replace(trimsuffix(var.lake_dfs_endpoint, "/"), "https://", "")}/"
  credential_name = databricks_storage_credential.lake.name
  read_only       = each.value
  owner           = var.admins
}

resource "databricks_catalog" "this" {
  name           = var.catalog
  storage_root   = "${databricks_external_location.this["curated"].url}catalog"
  owner          = var.admins
  isolation_mode = "ISOLATED"
  comment        = "Retail demand: raw tables, marts and features."
  force_destroy  = false
}

# The retailer's own tables, read in place by the source `long`.
resource "databricks_grant" "retailer" {
  for_each   = toset(var.retailer_catalogs)
  catalog    = each.key
  principal  = databricks_service_principal.job.application_id
  privileges = ["USE_CATALOG", "USE_SCHEMA", "SELECT"]
}

# dbt makes the schemas of its layers; the landing schema holds the volume of raw files.
resource "databricks_schema" "landing" {
  catalog_name  = databricks_catalog.this.name
  name          = "landing"
  owner         = var.admins
  comment       = "Files as they came."
  force_destroy = false
}

# Settings that a run reads, source.yml above all: `databricks fs cp source.yml dbfs:<volume>` (infra/README.md).
resource "databricks_volume" "settings" {
  catalog_name = databricks_catalog.this.name
  schema_name  = databricks_schema.landing.name
  name         = "settings"
  volume_type  = "MANAGED"
  owner        = var.admins
}

resource "databricks_volume" "raw" {
  catalog_name     = databricks_catalog.this.name
  schema_name      = databricks_schema.landing.name
  name             = "raw"
  volume_type      = "EXTERNAL"
  storage_location = databricks_external_location.this["raw"].url
  owner            = var.admins
}

resource "databricks_grants" "catalog" {
  catalog = databricks_catalog.this.name

  grant {
    principal = databricks_service_principal.job.application_id
    privileges = [
      "USE_CATALOG", "USE_SCHEMA", "CREATE_SCHEMA", "CREATE_TABLE", "CREATE_MODEL", "EXECUTE", "SELECT", "MODIFY", "READ_VOLUME",
    ]
  }
}

resource "databricks_grants" "store_credential" {
  credential = databricks_credential.store.id

  grant {
    principal  = databricks_service_principal.job.application_id
    privileges = ["ACCESS"]
  }
}

# Pro, not serverless: its machines stand in our network, which the lake lets in (infra/README.md, "Decisions").
resource "databricks_sql_endpoint" "this" {
  name                      = var.catalog
  cluster_size              = var.warehouse_size
  min_num_clusters          = 1
  max_num_clusters          = 2
  auto_stop_mins            = 10
  enable_serverless_compute = false
  warehouse_type            = "PRO"
}

resource "databricks_permissions" "warehouse" {
  sql_endpoint_id = databricks_sql_endpoint.this.id

  access_control {
    service_principal_name = databricks_service_principal.job.application_id
    permission_level       = "CAN_USE"
  }
}

# The workflow deploys the bundle into its own folder, and is an administrator of the workspace that it made.
resource "databricks_service_principal" "deployer" {
  application_id   = var.deployer_client_id
  display_name     = "demand-deploy"
  workspace_access = true
  force            = true
}

resource "databricks_metastore_assignment" "this" {
  for_each     = var.metastore_id == null ? toset([]) : toset([var.metastore_id])
  metastore_id = each.key
  workspace_id = var.workspace_number
}
