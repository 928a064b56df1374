variable "name" {
  description = "Name."
  type        = string
}

variable "resource_group_name" {
  description = "Resource group."
  type        = string
}

variable "location" {
  description = "Azure region."
  type        = string
}

variable "tags" {
  description = "Tags."
  type        = map(string)
}

variable "log_analytics_workspace_id" {
  description = "Where audit logs go."
  type        = string
}

variable "identity_id" {
  description = "Identity that the pipelines act as."
  type        = string
}

variable "lake_dfs_endpoint" {
  description = "Endpoint of the lake, https://."
  type        = string
}

variable "lake_id" {
  description = "The lake's account."
  type        = string
}

variable "databricks_workspace_url" {
  description = "Host of the workspace."
  type        = string
}

variable "sql_id" {
  description = "The SQL server."
  type        = string
}

variable "sql_server_fqdn" {
  description = "Host of the SQL server."
  type        = string
}

variable "sql_database" {
  description = "Name of the database."
  type        = string
}

variable "stores" {
  description = "Stores of the weekly run; empty: every store."
  type        = string
}

variable "trigger_enabled" {
  description = "Whether the weekly trigger runs."
  type        = bool
}

variable "source_url" {
  description = "Endpoint of the account that the retailer drops its files in, https://."
  type        = string
}

variable "key_vault_id" {
  description = "The vault."
  type        = string
}

variable "key_vault_uri" {
  description = "Address of the vault, https://...."
  type        = string
}

variable "source_kind" {
  description = "DEMAND_SOURCE: long (the retailer's own tables) or m5 (files that are copied)."
  type        = string
}
