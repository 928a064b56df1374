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

variable "images" {
  description = "Digests (sha256:...) of the first images of the API and the dashboard; null: the apps are not made yet."
  type = object({
    api       = string
    dashboard = string
  })
  default = null

  validation {
    condition     = var.images == null || alltrue([for digest in values(coalesce(var.images, {})) : can(regex("^sha256:[0-9a-f]{64}$", digest))])
    error_message = "images are named by digest, sha256: and 64 hex digits: a tag may come to mean another image."
  }
}

variable "app_slots" {
  description = "Whether each app has a slot for the next release; Basic plans have none."
  type        = bool
}

variable "api_health_path" {
  description = "What App Service asks of each API instance: /ready asks the store, /health lets a serverless store pause."
  type        = string
  default     = "/ready"
}

variable "api_writers" {
  description = "Names of keys, roles or scopes of tokens that may write overrides, comma-separated."
  type        = string
  default     = "dashboard,Forecast.Write"
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

variable "operator_addresses" {
  description = "Public addresses or CIDRs of the operators' network that lake and SQL let in; empty: nobody from outside."
  type        = list(string)
  default     = []
}

variable "budget_start" {
  description = "First day of a month, YYYY-MM-01T00:00:00Z; null: the month in which the budget is made."
  type        = string
  default     = null
}

variable "source_kind" {
  description = "Where sales come from: long (the retailer's own tables or files) or m5 (the example)."
  type        = string
  default     = "long"

  validation {
    condition     = contains(["long", "m5"], var.source_kind)
    error_message = "source_kind is long or m5."
  }
}

variable "retailer_catalogs" {
  description = "Catalogs of the retailer in Unity Catalog whose tables are read in place."
  type        = list(string)
  default     = []
}

variable "metastore_id" {
  description = "Metastore to attach the workspace to; null: the region's, which Databricks attaches by itself."
  type        = string
  default     = null
}

variable "existing_network" {
  description = "A landing zone's network that the subnets are made in, and whether its routes lead out; null: one of our own."
  type = object({
    id                   = string
    routes_to_a_firewall = bool
  })
  default = null
}

variable "existing_zone_ids" {
  description = "Private DNS zones of a landing zone, by subresource (blob, dfs, vault, sqlServer, registry); others are made."
  type        = map(string)
  default     = {}
}

variable "existing_workspace_id" {
  description = "A landing zone's Log Analytics workspace; null: one of our own."
  type        = string
  default     = null
}

variable "policy_exemptions" {
  description = "Policy assignments that the resource group is exempt from, by the name of the exemption."
  type        = map(string)
  default     = {}
}

variable "role_propagation_seconds" {
  description = "How long a new role on the lake is given to be known there."
  type        = number
  default     = 180
}

variable "publish_by_hour" {
  description = "Hour (UTC) of Monday by which a forecast is to be published."
  type        = number
  default     = 12
}
