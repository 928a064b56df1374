#!/usr/bin/env bash
# Bring a release to an app, or take it back. Where the app has a slot `next`, the release starts there and is swapped in
# once it was looked at; what it replaces stays in the slot.
#   infra/release.sh stage <resource group> <app> <registry/image@digest>    prints the address to look at
#   infra/release.sh swap <resource group> <app>                             again: back to what was there before
set -euo pipefail
usage() { sed -n 2,5p "$0" >&2; exit 2; }
[ $# -ge 3 ] || usage
step=$1 group=$2 app=$3
slots=$(az webapp deployment slot list --resource-group "$group" --name "$app" --query "[].name" --output tsv)
slot=() && [[ $slots == *next* ]] && slot=(--slot next)

case $step in
  stage)
    [ $# -eq 4 ] && [[ $4 == *@sha256:* ]] || usage
    az webapp config container set --resource-group "$group" --name "$app" "${slot[@]}" --output none \
      --container-image-name "$4" --container-registry-url "https://${4%%/*}"
    az webapp restart --resource-group "$group" --name "$app" "${slot[@]}"
    az webapp show --resource-group "$group" --name "$app" "${slot[@]}" --query defaultHostName --output tsv
    ;;
  swap)
    [ ${#slot[@]} -gt 0 ] || { echo "$app has no slot: stage the release before instead" >&2; exit 1; }
    az webapp deployment slot swap --resource-group "$group" --name "$app" --slot next --target-slot production --output none
    ;;
  *) usage ;;
esac
