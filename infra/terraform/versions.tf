terraform {
  required_version = ">= 1.11.0, < 2.0.0"

  # The exact releases whose schemas every argument was checked against (tests/infra/terraform/schemas).
  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = "4.55.0"
    }
    databricks = {
      source  = "databricks/databricks"
      version = "1.99.0"
    }
  }

  # Which account holds the state: environments/<name>.backend.hcl. No key: the caller's own identity signs in.
  backend "azurerm" {
    use_azuread_auth = true
    use_oidc         = true
  }
}
