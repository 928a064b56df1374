#!/usr/bin/env bash
# Run a command in the network, by the job that Terraform made there, and wait for its end.
#   infra/operate.sh <subscription> <resource group> <job> <image> COMMAND...
set -euo pipefail
[ $# -ge 5 ] || { sed -n 2,3p "$0" >&2; exit 2; }
url="https://management.azure.com/subscriptions/$1/resourceGroups/$2/providers/Microsoft.App/jobs/$3" image=$4
version="api-version=2024-03-01"
shift 4

# A start may bring a template of its own: the job's, with another command and the image of this release.
body=$(az rest --method get --url "$url?$version" --output json | jq --arg image "$image" \
  '.properties.template | .containers[0] += {image: $image, command: [$ARGS.positional[0]], args: $ARGS.positional[1:]}' --args -- "$@")
execution=$(az rest --method post --url "$url/start?$version" --body "$body" --query name --output tsv)
while :; do
  status=$(az rest --method get --url "$url/executions/$execution?$version" --query properties.status --output tsv)
  case $status in
    Succeeded) exit 0 ;;
    Failed | Stopped | Degraded) break ;;
  esac
  sleep "${POLL_SECONDS:-10}"
done
echo "$* ended as $status; its output is in Log Analytics: ContainerAppConsoleLogs | where ContainerGroupName startswith '$execution'" >&2
exit 1
