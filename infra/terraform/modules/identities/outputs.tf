output "orchestration" {
  description = "Data Factory's."
  value       = local.described["orchestration"]
}

output "job" {
  description = "That trains and publishes: the Databricks job's service principal and Azure ML's cluster."
  value       = local.described["job"]
}

output "api" {
  description = "The API's."
  value       = local.described["api"]
}

output "dashboard" {
  description = "The dashboard's."
  value       = local.described["dashboard"]
}

output "operations" {
  description = "That of the job in the network, which migrates the store."
  value       = local.described["operations"]
}

output "principal_ids" {
  description = "Object id of each, by task."
  value       = { for task, identity in azurerm_user_assigned_identity.this : task => identity.principal_id }
}

locals {
  described = {
    for task, identity in azurerm_user_assigned_identity.this : task => {
      id           = identity.id
      name         = identity.name
      client_id    = identity.client_id
      principal_id = identity.principal_id
    }
  }
}
