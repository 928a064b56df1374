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

variable "tenant_id" {
  description = "Entra tenant."
  type        = string
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

variable "log_analytics_workspace_id" {
  description = "Where audit logs go."
  type        = string
}

variable "administrator" {
  description = "Entra group that administers the server; there is no password."
  type = object({
    object_id = string
    name      = string
  })
}

variable "size" {
  description = "Size and backup of the serverless database."
  type = object({
    max_vcores          = number
    min_vcores          = number
    pause_after_minutes = number
    max_size_gb         = number
    backup_days         = number
    geo_backup          = bool
    zone_redundant      = bool
  })
}

variable "alert_email" {
  description = "Who is told of threats."
  type        = string
}

variable "operator_addresses" {
  description = "Public addresses or CIDRs of the operators' network that are let in; empty: nobody from outside."
  type        = list(string)
}
