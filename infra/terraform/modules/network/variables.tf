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

variable "address_space" {
  description = "CIDR of the network."
  type        = string
}

variable "private_endpoints" {
  description = "Whether there are private endpoints."
  type        = bool
}

variable "existing" {
  description = "A landing zone's network that the subnets are made in; null: a network of our own."
  type = object({
    id                   = string
    routes_to_a_firewall = bool
  })
  nullable = true
}

variable "existing_zone_ids" {
  description = "Private DNS zones of a landing zone, by subresource: blob, dfs, vault, sqlServer, registry."
  type        = map(string)
}
