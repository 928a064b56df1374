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
