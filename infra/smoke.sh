#!/usr/bin/env bash
# Is a release fit to be served? Ready, one forecast, one page.
#   API_KEY=... or API_TOKEN=...  infra/smoke.sh <address of the API> <address of the dashboard>
set -euo pipefail
[ $# -eq 2 ] || { sed -n 2,3p "$0" >&2; exit 2; }
api=$1 page=$2
if [ -n "${API_KEY:-}" ]; then header="X-API-Key: $API_KEY"; else header="Authorization: Bearer ${API_TOKEN:?or API_KEY}"; fi
ask() { curl --silent --show-error --fail --max-time 30 "$@"; }

for attempt in $(seq "${ATTEMPTS:-40}"); do
  state=$(ask "$api/ready" | jq -r .status) && [[ $state == ready || $state == stale ]] && break
  [ "$attempt" -lt "${ATTEMPTS:-40}" ] || { echo "$api/ready: ${state:-no answer}" >&2; exit 1; }
  sleep "${POLL_SECONDS:-15}"
done
store=$(ask --header "$header" "$api/model/status" | jq -er '.stores[0].store_id')
item=$(ask --header "$header" --get "$api/forecast/items" --data-urlencode "store_id=$store" --data-urlencode limit=1 | jq -er '.items[0].item_id')
days=$(ask --header "$header" --get "$api/forecast" --data-urlencode "store_id=$store" --data-urlencode "item_id=$item" | jq -e '.days | length')
[ "$days" -gt 0 ] || { echo "$api/forecast: no day of $store, $item" >&2; exit 1; }
[ "$(ask "$page/_stcore/health")" = ok ] || { echo "$page does not answer" >&2; exit 1; }
echo "ready ($state), $days days of $store $item, the page answers"
