#!/usr/bin/env bash
# The two applications of Entra: the API's audience, and the dashboard's login. Safe to repeat; run it again when Terraform
# has made the dashboard's identity, which then vouches for the login in the place of a client secret.
#   infra/applications.sh <environment> <address of the dashboard> [<object id of the dashboard's identity>]
set -euo pipefail
[ $# -ge 2 ] || { sed -n 2,4p "$0" >&2; exit 2; }
environment=$1 page=$2 identity=${3:-}

application() { # its client id; made if it is not there
  local id
  id=$(az ad app list --display-name "$1" --query "[0].appId" --output tsv)
  [ -n "$id" ] || id=$(az ad app create --display-name "$1" --sign-in-audience AzureADMyOrg --query appId --output tsv)
  echo "$id"
}
api=$(application "demand-api-$environment")
# Tokens of version 2: the API knows the issuer of no other.
az ad app update --id "$api" --identifier-uris "api://$api" --set api.requestedAccessTokenVersion=2
az ad sp show --id "$api" --output none 2>/dev/null || az ad sp create --id "$api" --output none

login=$(application "demand-dashboard-$environment")
az ad app update --id "$login" --web-redirect-uris "$page/.auth/login/aad/callback" --enable-id-token-issuance true
az ad sp show --id "$login" --output none 2>/dev/null || az ad sp create --id "$login" --output none
if [ -n "$identity" ]; then
  tenant=$(az account show --query tenantId --output tsv)
  known=$(az ad app federated-credential list --id "$login" --query "[?subject=='$identity'].name" --output tsv)
  [ -n "$known" ] || az ad app federated-credential create --id "$login" --output none --parameters "$(jq -n \
    --arg issuer "https://login.microsoftonline.com/$tenant/v2.0" --arg subject "$identity" \
    '{name: "dashboard", issuer: $issuer, subject: $subject, audiences: ["api://AzureADTokenExchange"]}')"
fi
echo "TF_VAR_api_audience=$api"
echo "TF_VAR_dashboard_client_id=$login"
