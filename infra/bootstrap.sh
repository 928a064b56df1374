#!/usr/bin/env bash
# Made once, before Terraform: the account that holds its state, and an identity for the workflow that signs in by OIDC.
#   infra/bootstrap.sh <subscription> <region> <state account> <github owner/repository> <environment>
# Safe to repeat. Signs in as you (az login); keeps no key anywhere.
set -euo pipefail
[ $# -eq 5 ] || { sed -n 2,4p "$0" >&2; exit 2; }
subscription=$1 region=$2 account=$3 repository=$4 environment=$5
group=rg-demand-state

az account set --subscription "$subscription"
az group create --name "$group" --location "$region" --output none
az storage account create --name "$account" --resource-group "$group" --location "$region" --sku Standard_ZRS \
  --kind StorageV2 --min-tls-version TLS1_2 --allow-blob-public-access false --allow-shared-key-access false --output none
az storage account blob-service-properties update --account-name "$account" --resource-group "$group" \
  --enable-versioning true --enable-delete-retention true --delete-retention-days 30 --output none
az storage container create --name tfstate --account-name "$account" --auth-mode login --output none

identity="id-demand-deploy-$environment"
az identity create --name "$identity" --resource-group "$group" --location "$region" --output none
principal=$(az identity show --name "$identity" --resource-group "$group" --query principalId --output tsv)
client=$(az identity show --name "$identity" --resource-group "$group" --query clientId --output tsv)
az identity federated-credential create --name "github-$environment" --identity-name "$identity" --resource-group "$group" \
  --issuer https://token.actions.githubusercontent.com --audiences api://AzureADTokenExchange \
  --subject "repo:$repository:environment:$environment" --output none

scope="/subscriptions/$subscription"
state=$(az storage account show --name "$account" --resource-group "$group" --query id --output tsv)
az role assignment create --assignee-object-id "$principal" --assignee-principal-type ServicePrincipal \
  --role Contributor --scope "$scope" --output none
# It may give the roles of modules/access and no other: never Owner, never to itself a way up.
az role assignment create --assignee-object-id "$principal" --assignee-principal-type ServicePrincipal \
  --role "Role Based Access Control Administrator" --scope "$scope" --output none \
  --condition-version 2.0 --condition "((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})) OR \
(@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId] ForAnyOfAnyValues:GuidNotEquals \
{8e3af657-a8ff-443c-a75c-2fe8c4bcb635, 18d7d88d-d35e-4fb5-a5c3-7773c20a72d9, b24988ac-6180-42a0-ab88-20f7382dd24c}))"
az role assignment create --assignee-object-id "$principal" --assignee-principal-type ServicePrincipal \
  --role "Storage Blob Data Contributor" --scope "$state" --output none
az role assignment create --assignee-object-id "$(az ad signed-in-user show --query id --output tsv)" \
  --assignee-principal-type User --role "Storage Blob Data Contributor" --scope "$state" --output none

echo "AZURE_CLIENT_ID=$client"
echo "TF_VAR_deployer={ object_id = \"$principal\", client_id = \"$client\" }"
