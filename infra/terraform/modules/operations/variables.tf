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
  description = "Where its output goes."
  type        = string
}

variable "subnet_id" {
  description = "Subnet that it runs in."
  type        = string
}

variable "access_ready" {
  description = "Its roles, which it needs at its first start."
  type        = list(string)
}

variable "identity" {
  description = "Whom it acts as."
  type = object({
    id        = string
    client_id = string
  })
}

variable "registry_login_server" {
  description = "Registry of the image."
  type        = string
}

variable "image" {
  description = "Digest of the API's image, which holds the command `demand`."
  type        = string
}

variable "settings" {
  description = "Variables of the process."
  type        = map(string)
}
