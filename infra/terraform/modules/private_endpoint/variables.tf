variable "name" {
  description = "Name of what is reached."
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

variable "resource_id" {
  description = "What is reached."
  type        = string
}

variable "subresource" {
  description = "Which part of it, e.g. blob, dfs, vault, sqlServer, registry."
  type        = string
}

variable "subnet_id" {
  description = "Subnet of the endpoint."
  type        = string
}

variable "dns_zone_ids" {
  description = "Private DNS zones that name it."
  type        = list(string)
}

variable "tags" {
  description = "Tags."
  type        = map(string)
}
