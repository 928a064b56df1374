# The account is made once by infra/bootstrap.sh; its name is given as -backend-config=storage_account_name=...
resource_group_name = "rg-demand-state"
container_name      = "tfstate"
key                 = "demand-prod.tfstate"
