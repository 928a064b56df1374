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

variable "network" {
  description = "Network, subnets and their security associations."
  type = object({
    network_id               = string
    host_subnet              = string
    container_subnet         = string
    host_association_id      = string
    container_association_id = string
  })
}
