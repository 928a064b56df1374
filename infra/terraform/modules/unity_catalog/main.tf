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

  # a location is refused while its identity has no role on the lake
  depends_on = [terraform_data.lake_access]
}

resource "terraform_data" "lake_access" {
  input = var.lake_access_assigned_id
}

resource "databricks_credential" "store" {
  name    = "${var.catalog}_store"
  purpose = "SERVICE"
  comment = "Signs jobs in to the prediction store."
  owner   = var.admins

  azure_managed_identity {
    access_connector_id = var.store_connector_id
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

# dbt makes the schemas of its layers; the landing schema holds the volume of raw files.
resource "databricks_schema" "landing" {
  catalog_name  = databricks_catalog.this.name
  name          = "landing"
  owner         = var.admins
  comment       = "Files as they came."
  force_destroy = false
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
    principal  = databricks_service_principal.job.application_id
    privileges = ["USE_CATALOG", "USE_SCHEMA", "CREATE_SCHEMA", "CREATE_TABLE", "SELECT", "MODIFY", "READ_VOLUME"]
  }
}

resource "databricks_grants" "store_credential" {
  credential = databricks_credential.store.id

  grant {
    principal  = databricks_service_principal.job.application_id
    privileges = ["ACCESS"]
  }
}

resource "databricks_sql_endpoint" "this" {
  name                      = var.catalog
  cluster_size              = var.warehouse_size
  min_num_clusters          = 1
  max_num_clusters          = 2
  auto_stop_mins            = 10
  enable_serverless_compute = true
  warehouse_type            = "PRO"
}

resource "databricks_permissions" "warehouse" {
  sql_endpoint_id = databricks_sql_endpoint.this.id

  access_control {
    service_principal_name = databricks_service_principal.job.application_id
    permission_level       = "CAN_USE"
  }
}
