variable "subscription_id" {
  description = "Subscription that everything is made in."
  type        = string
}

variable "tenant_id" {
  description = "Entra tenant of the subscription."
  type        = string
}

variable "environment" {
  description = "Part of every name: dev or prod."
  type        = string

  validation {
    condition     = contains(["dev", "prod"], var.environment)
    error_message = "environment is dev or prod."
  }
}

variable "location" {
  description = "Azure region."
  type        = string
  default     = "westeurope"
}

variable "workload" {
  description = "Short name of the system, lower-case letters only; part of every name."
  type        = string
  default     = "demand"

  validation {
    condition     = can(regex("^[a-z]{3,8}$", var.workload))
    error_message = "workload is 3 to 8 lower-case letters."
  }
}

variable "suffix" {
  description = "Makes names unique in all of Azure: 4 to 6 lower-case letters or digits, chosen once."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]{4,6}$", var.suffix))
    error_message = "suffix is 4 to 6 lower-case letters or digits."
  }
}

variable "private_endpoints" {
  description = "Reach lake, vault, SQL and registry by private endpoints alone; without, by service endpoints of our subnets."
  type        = bool
  default     = true
}

variable "address_space" {
  description = "CIDR of the virtual network; /20 or larger."
  type        = string
  default     = "10.42.0.0/20"
}

variable "operators" {
  description = "Entra group that runs the system: administrator of SQL and of the vault's secrets."
  type = object({
    object_id = string
    name      = string
  })
}

variable "deployer" {
  description = "The identity that applies this and runs the workflow's jobs."
  type = object({
    object_id = string
    client_id = string
  })
}

variable "databricks_admins" {
  description = "Databricks group that owns catalog and jobs."
  type        = string
  default     = "retail-demand-admins"
}

variable "api_audience" {
  description = "Application id that callers' Entra tokens name."
  type        = string
}

variable "dashboard_client_id" {
  description = "Application id of the dashboard's Entra login."
  type        = string
}

variable "alert_email" {
  description = "Who is told of alarms and of the budget."
  type        = string
}

variable "monthly_budget" {
  description = "Budget of the resource group a month, in the subscription's currency."
  type        = number
}

variable "sql" {
  description = "Size of the serverless database: most and least vCores, minutes until it pauses (-1: never), GB."
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

variable "lake_replication" {
  description = "Replication of the lake: LRS, ZRS, GRS or GZRS."
  type        = string
  default     = "GZRS"
}

variable "app_sku" {
  description = "App Service plan, e.g. B1 or P1v3."
  type        = string
}

variable "app_instances" {
  description = "Instances of the App Service plan."
  type        = number
  default     = 2
}

variable "registry_sku" {
  description = "Container Registry tier; private endpoints need Premium."
  type        = string
  default     = "Premium"
}

variable "image_tag" {
  description = "Tag of the API's and the dashboard's images; a git commit."
  type        = string
}

variable "warehouse_size" {
  description = "Size of the Databricks SQL warehouse."
  type        = string
  default     = "2X-Small"
}

variable "training_vm" {
  description = "Virtual machine of the Azure ML training cluster."
  type        = string
  default     = "Standard_E4ds_v5"
}

variable "stores" {
  description = "Comma-separated stores that the weekly pipeline forecasts; empty: every store."
  type        = string
  default     = ""
}

variable "source_url" {
  description = "Endpoint of the account that the retailer drops its files in; null: the container landing of our own lake."
  type        = string
  default     = null
}

variable "trigger_enabled" {
  description = "Whether the weekly trigger runs."
  type        = bool
  default     = false
}

variable "app_zone_balanced" {
  description = "Whether the App Service plan stands in several zones; Basic plans cannot."
  type        = bool
  default     = true
}
