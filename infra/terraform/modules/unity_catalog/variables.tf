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

variable "lake_access_assigned_id" {
  description = "The connector's role on the lake: the locations below need it first."
  type        = string
}
