#!/usr/bin/env bash
# The images of this commit in the registry, by digest: built by the registry's own machines in the network, or, where
# RELEASED names them, taken over as they are. NAMES is Terraform's output `names` (JSON). Writes `images={...}`, to
# GITHUB_OUTPUT where there is one.
set -euo pipefail
: "${NAMES:?the output names of Terraform}"
server=$(jq -r .registry <<<"$NAMES") pool=$(jq -r .build_pool <<<"$NAMES")
name=${server%%.*} tag=${TAG:-$(git rev-parse HEAD)}
images='{}'
if [ -z "${RELEASED:-}" ]; then
  az acr agentpool update --registry "$name" --name "$pool" --count 1 --output none
  trap 'az acr agentpool update --registry "$name" --name "$pool" --count 0 --output none' EXIT # it costs while it is there
fi
for part in api dashboard; do
  image="retail-demand-$part"
  if [ -n "${RELEASED:-}" ]; then
    source=$(jq -r ".$part" <<<"$RELEASED") digest=${source##*@}
    az acr import --name "$name" --source "$source" --image "$image:$tag" --force --output none
  else
    digest=$(az acr build --registry "$name" --agent-pool "$pool" --file "$part/Dockerfile" --image "$image:$tag" \
      --no-logs --query "outputImages[0].digest" --output tsv .)
  fi
  [[ $digest == sha256:* ]] || { echo "$image: no digest" >&2; exit 1; }
  images=$(jq -c --arg part "$part" --arg image "$server/$image@$digest" '. + {($part): $image}' <<<"$images")
done
echo "images=$images" | tee -a "${GITHUB_OUTPUT:-/dev/null}"
