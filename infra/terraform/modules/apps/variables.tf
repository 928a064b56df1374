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

variable "sku" {
  description = "App Service plan."
  type        = string
}

variable "instances" {
  description = "Instances of the plan."
  type        = number
}

variable "subnet_id" {
  description = "Subnet that the apps go out from."
  type        = string
}

variable "registry_login_server" {
  description = "Registry of the images."
  type        = string
}

variable "images" {
  description = "Digests of the first images, sha256:...; later ones come by infra/release.sh."
  type = object({
    api       = string
    dashboard = string
  })
}

variable "slots" {
  description = "Whether each app has a slot for the next release; Basic plans have none."
  type        = bool
}

variable "api_health_path" {
  description = "What App Service asks of each instance every minute."
  type        = string
}

variable "api_writers" {
  description = "DEMAND_API_WRITERS: names of keys, roles or scopes of tokens that may write overrides."
  type        = string
}

variable "key_vault_uri" {
  description = "Address of the vault."
  type        = string
}

variable "store_url" {
  description = "DEMAND_STORE_URL."
  type        = string
}

variable "tenant_id" {
  description = "Entra tenant."
  type        = string
}

variable "api_audience" {
  description = "Application id that callers' tokens name."
  type        = string
}

variable "dashboard_client_id" {
  description = "Application id of the dashboard's login."
  type        = string
}

variable "log_analytics_id" {
  description = "Where logs go."
  type        = string
}

variable "key_vault_access_ready" {
  description = "The apps' roles on the vault and the registry, which they need at their first start."
  type        = list(string)
}

variable "application_insights" {
  description = "Connection string of Application Insights."
  type        = string
  sensitive   = true
}

variable "api_identity" {
  description = "Identity of the API."
  type = object({
    id        = string
    client_id = string
  })
}

variable "dashboard_identity" {
  description = "Identity of the dashboard."
  type = object({
    id        = string
    client_id = string
  })
}

variable "zone_balanced" {
  description = "Whether the instances stand in several zones; Basic plans cannot."
  type        = bool
}
