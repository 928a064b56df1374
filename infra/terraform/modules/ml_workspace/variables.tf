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

variable "subnet_ids" {
  description = "Subnets that are let in, by name, where there is no private endpoint."
  type        = map(string)
}

variable "private_endpoint" {
  description = "Subnet and private DNS zones for private endpoints; null: service endpoints instead."
  type = object({
    subnet_id = string
    zone_ids  = map(string)
  })
  nullable = true
}

variable "account_name" {
  description = "Name of the workspace's own storage account."
  type        = string
}

variable "application_insights_id" {
  description = "Application Insights."
  type        = string
}

variable "key_vault_id" {
  description = "The vault."
  type        = string
}

variable "registry_id" {
  description = "The registry."
  type        = string
}

variable "training_vm" {
  description = "Virtual machine of the cluster."
  type        = string
}

variable "sql_server_id" {
  description = "The SQL server, which training publishes to."
  type        = string
}

variable "connection_approver_assigned_id" {
  description = "The workspace's role on the SQL server, by which it approves its own private endpoint."
  type        = string
}

variable "identity" {
  description = "Identity of the cluster."
  type = object({
    id           = string
    principal_id = string
  })
}
