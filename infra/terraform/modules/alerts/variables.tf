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

variable "action_group_id" {
  description = "Who is told."
  type        = string
}

variable "workspace_id" {
  description = "Log Analytics workspace."
  type        = string
}

variable "data_factory_id" {
  description = "The factory."
  type        = string
}

variable "database_id" {
  description = "The database."
  type        = string
}

variable "api_id" {
  description = "The API's app."
  type        = string
}

variable "dashboard_id" {
  description = "The dashboard's app."
  type        = string
}

variable "lake_id" {
  description = "The lake's account."
  type        = string
}
