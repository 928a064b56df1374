variable "ml_workspace_principal" {
  description = "Object id of the Azure ML workspace's own identity."
  type        = string
}

variable "sql_server_id" {
  description = "The SQL server."
  type        = string
}

variable "application_insights_id" {
  description = "Application Insights."
  type        = string
}

variable "operators_object_id" {
  description = "Group of the operators."
  type        = string
}

variable "identities" {
  description = "Object id of each identity, by task."
  type        = map(string)
}

variable "lake_connector_principal" {
  description = "Object id of the connector that reaches the lake."
  type        = string
}

variable "lake_id" {
  description = "The lake's account."
  type        = string
}

variable "containers" {
  description = "Ids of the lake's containers, by name."
  type        = map(string)
}

variable "key_vault_id" {
  description = "The vault."
  type        = string
}

variable "registry_id" {
  description = "The registry."
  type        = string
}

variable "ml_workspace_id" {
  description = "The Azure ML workspace."
  type        = string
}

variable "ml_account_id" {
  description = "Its storage account."
  type        = string
}
