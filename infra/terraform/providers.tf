# Sign-in comes from the environment: OIDC in the workflow (ARM_USE_OIDC), `az login` at a desk. No secret is read.
provider "azurerm" {
  subscription_id     = var.subscription_id
  storage_use_azuread = true

  features {
    # Accounts let in our networks only; without this the provider would poll their data plane from outside and get 403.
    storage {
      data_plane_available = false
    }
    key_vault {
      purge_soft_delete_on_destroy = false
    }
    resource_group {
      prevent_deletion_if_contains_resources = true
    }
  }
}

provider "databricks" {
  host                        = module.databricks.workspace_url
  azure_workspace_resource_id = module.databricks.workspace_id
}
