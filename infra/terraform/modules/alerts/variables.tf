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
  description = "The API's app; null: not made yet."
  type        = string
  nullable    = true
}

variable "dashboard_id" {
  description = "The dashboard's app; null: not made yet."
  type        = string
  nullable    = true
}

variable "lake_id" {
  description = "The lake's account."
  type        = string
}

variable "api_url" {
  description = "Address of the API; null: not made yet."
  type        = string
  nullable    = true
}

variable "application_insights_id" {
  description = "Application Insights."
  type        = string
}

variable "watch_freshness" {
  description = "Whether the API is asked from outside if its forecast is fresh."
  type        = bool
}

variable "publish_by_hour" {
  description = "Hour (UTC) of Monday by which a forecast is to be published."
  type        = number
}

variable "with_apps" {
  description = "Whether the apps are made already."
  type        = bool
}
