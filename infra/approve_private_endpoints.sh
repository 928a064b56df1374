#!/usr/bin/env bash
# Approve the connection that a managed private endpoint asked for (Terraform calls this; safe to repeat).
#   infra/approve_private_endpoints.sh <resource id> <endpoint: factory.name>
set -euo pipefail
[ $# -eq 2 ] || { sed -n 2,3p "$0" >&2; exit 2; }
resource=$1 endpoint=$2

for attempt in $(seq 30); do
  # The connection's own name is a GUID; the endpoint behind it ends in the factory's and the endpoint's name.
  found=$(az network private-endpoint-connection list --id "$resource" --output tsv \
    --query "[?ends_with(properties.privateEndpoint.id, '/$endpoint')].[id, properties.privateLinkServiceConnectionState.status]")
  while IFS=$'\t' read -r connection status; do
    case $status in
      Approved) exit 0 ;;
      Pending) az network private-endpoint-connection approve --id "$connection" --description "Our own factory" --output none && exit 0 ;;
    esac
  done <<<"$found"
  [ "$attempt" -lt 30 ] && sleep "${POLL_SECONDS:-10}"
done
echo "$resource has no pending connection of $endpoint" >&2
exit 1
