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

variable "alert_email" {
  description = "Who is told of alarms."
  type        = string
}

variable "existing_workspace_id" {
  description = "A landing zone's Log Analytics workspace; null: one of our own."
  type        = string
  nullable    = true
}
