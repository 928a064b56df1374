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

variable "private_endpoint" {
  description = "Subnet and private DNS zones for private endpoints; null: service endpoints instead."
  type = object({
    subnet_id = string
    zone_ids  = map(string)
  })
  nullable = true
}

variable "sku" {
  description = "Basic, Standard or Premium."
  type        = string
}

variable "build_subnet_id" {
  description = "Subnet of the machines that build images."
  type        = string
}
