variable "catalog" {
  description = "Name of the catalog."
  type        = string
}

variable "lake_dfs_endpoint" {
  description = "Endpoint of the lake, https://."
  type        = string
}

variable "lake_account" {
  description = "Name of the lake's account."
  type        = string
}

variable "lake_connector_id" {
  description = "Connector that reaches the lake."
  type        = string
}

variable "store_connector_id" {
  description = "Connector that reaches the prediction store."
  type        = string
}

variable "job_client_id" {
  description = "Application id of the identity that runs jobs."
  type        = string
}

variable "data_factory_client_id" {
  description = "Application id of the identity that starts jobs."
  type        = string
}

variable "admins" {
  description = "Group that owns what is made."
  type        = string
}

variable "warehouse_size" {
  description = "Size of the SQL warehouse."
  type        = string
}

variable "lake_access_assigned_ids" {
  description = "The connector's roles on the lake: the locations below need all of them first."
  type        = list(string)
}

variable "role_propagation_seconds" {
  description = "How long a new role is given to be known by storage."
  type        = number
}

variable "store_identity_id" {
  description = "The user-assigned identity of the connector that reaches the prediction store."
  type        = string
}

variable "deployer_client_id" {
  description = "Application id of the identity that deploys."
  type        = string
}

variable "retailer_catalogs" {
  description = "Catalogs of the retailer whose tables are read in place."
  type        = list(string)
}

variable "metastore_id" {
  description = "Metastore to attach the workspace to; null: the region's, which Databricks attaches by itself."
  type        = string
  nullable    = true
}

variable "workspace_number" {
  description = "The workspace's number in Databricks."
  type        = string
}
