#!/usr/bin/env bash
# Made once, before Terraform: the account that holds its state, and an identity for the workflow that signs in by OIDC.
#   infra/bootstrap.sh <subscription> <region> <state account> <github owner/repository> <environment>
# Safe to repeat. Signs in as you (az login, and databricks auth login to the account); keeps no key anywhere.
# DATABRICKS_ACCOUNT_ID names the Databricks account, of which you are an administrator.
set -euo pipefail
[ $# -eq 5 ] || { sed -n 2,5p "$0" >&2; exit 2; }
subscription=$1 region=$2 account=$3 repository=$4 environment=$5
: "${DATABRICKS_ACCOUNT_ID:?set it: the id of your Databricks account}"
group=rg-demand-state identity="id-demand-deploy-$environment" admins=retail-demand-admins

az account set --subscription "$subscription"
for provider in App Compute ContainerRegistry Databricks DataFactory Insights KeyVault MachineLearningServices \
  ManagedIdentity Network OperationalInsights Sql Storage Web; do
  az provider register --namespace "Microsoft.$provider" --output none
done
az group create --name "$group" --location "$region" --output none
az storage account create --name "$account" --resource-group "$group" --location "$region" --sku Standard_ZRS \
  --kind StorageV2 --min-tls-version TLS1_2 --allow-blob-public-access false --allow-shared-key-access false --output none
az storage account blob-service-properties update --account-name "$account" --resource-group "$group" \
  --enable-versioning true --enable-delete-retention true --delete-retention-days 30 --output none
state=$(az storage account show --name "$account" --resource-group "$group" --query id --output tsv)

az identity create --name "$identity" --resource-group "$group" --location "$region" --output none
principal=$(az identity show --name "$identity" --resource-group "$group" --query principalId --output tsv)
client=$(az identity show --name "$identity" --resource-group "$group" --query clientId --output tsv)
# One credential for the environment that asks for approval, and one for the plan before it.
for name in "$environment" "$environment-plan"; do
  az identity federated-credential create --name "github-$name" --identity-name "$identity" --resource-group "$group" \
    --issuer https://token.actions.githubusercontent.com --audiences api://AzureADTokenExchange \
    --subject "repo:$repository:environment:$name" --output none
done

scope="/subscriptions/$subscription"
az role assignment create --assignee-object-id "$principal" --assignee-principal-type ServicePrincipal \
  --role Contributor --scope "$scope" --output none
# It may give and take the roles of modules/access and no other: never Owner, never to itself a way up.
#   Storage Blob Data Contributor, Reader, Delegator; Key Vault Secrets User, Officer; AcrPull;
#   AzureML Data Scientist; Azure AI Enterprise Network Connection Approver; Monitoring Metrics Publisher
roles="ba92f5b4-2d11-453d-a403-e96b0029c9fe, 2a2b9908-6ea1-4ae2-8e65-a410df84e7d1, db58b8e5-c6ad-4a2a-8342-4190687cbf4a, \
4633458b-17de-408a-b874-0445c86b69e6, b86a8fe4-44ce-4948-aee5-eccb2c155cd7, 7f951dda-4ed3-4680-a7ca-43fe172d538d, \
f6c7c914-8db3-469d-8ca1-694a8f32e121, b556d68e-0be0-4f35-a333-ad7ee1ce17ea, 3913510d-42f4-4e42-8a64-420c390055eb"
id="Microsoft.Authorization/roleAssignments:RoleDefinitionId"
az role assignment create --assignee-object-id "$principal" --assignee-principal-type ServicePrincipal \
  --role "Role Based Access Control Administrator" --scope "$scope" --output none --condition-version 2.0 --condition \
"((!(ActionMatches{'Microsoft.Authorization/roleAssignments/write'})) OR (@Request[$id] ForAnyOfAnyValues:GuidEquals {$roles})) \
AND ((!(ActionMatches{'Microsoft.Authorization/roleAssignments/delete'})) OR (@Resource[$id] ForAnyOfAnyValues:GuidEquals {$roles}))"
az role assignment create --assignee-object-id "$principal" --assignee-principal-type ServicePrincipal \
  --role "Storage Blob Data Contributor" --scope "$state" --output none
az role assignment create --assignee-object-id "$(az ad signed-in-user show --query id --output tsv)" \
  --assignee-principal-type User --role "Storage Blob Data Contributor" --scope "$state" --output none

# The containers come after the roles that open them, which take minutes to be known: state, and plans until they are applied.
for container in tfstate plans; do
  for attempt in $(seq 20); do
    az storage container create --name "$container" --account-name "$account" --auth-mode login --output none && break
    [ "$attempt" -lt 20 ] || exit 1
    sleep "${POLL_SECONDS:-15}"
  done
done

# Databricks: the group that owns the catalog has you and the workflow's identity as members before anything is made in
# it, and the workflow signs in by GitHub's token.
export DATABRICKS_HOST=https://accounts.azuredatabricks.net
databricks() { command databricks "$@" --output json; }
first() { jq -r '(.Resources? // .)[0].id // empty'; }
group_id=$(databricks account groups list --filter "displayName eq '$admins'" | first)
[ -n "$group_id" ] || group_id=$(databricks account groups create --display-name "$admins" | jq -r .id)
member_id=$(databricks account service-principals list --filter "applicationId eq '$client'" | first)
[ -n "$member_id" ] || member_id=$(databricks account service-principals create --application-id "$client" \
  --display-name "demand-deploy-$environment" --active | jq -r .id)
person_id=$(databricks account users list --filter "userName eq '$(az account show --query user.name --output tsv)'" | first)
databricks account groups patch "$group_id" --json "$(jq -n --arg a "$member_id" --arg b "$person_id" '{
  schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
  Operations: [{op: "add", path: "members", value: [{value: $a}, {value: $b}]}]}')" >/dev/null
policies=$(databricks account service-principal-federation-policy list "$member_id")
for name in "$environment" "$environment-plan"; do
  subject="repo:$repository:environment:$name"
  jq -e --arg subject "$subject" 'map(.oidc_policy.subject) | index($subject)' <<<"$policies" >/dev/null ||
    databricks account service-principal-federation-policy create "$member_id" --json "$(jq -n --arg subject "$subject" \
      --arg audience "https://github.com/${repository%%/*}" '{oidc_policy: {
        issuer: "https://token.actions.githubusercontent.com", audiences: [$audience], subject: $subject}}')" >/dev/null
done

echo "AZURE_CLIENT_ID=$client"
echo "TF_VAR_deployer={ object_id = \"$principal\", client_id = \"$client\" }"
