# To be sourced: the bundle's variables from Terraform's outputs `names` and `settings` (JSON, in NAMES and SETTINGS).
BUNDLE_VAR_job_application_id=$(jq -r .job_application <<<"$NAMES")
BUNDLE_VAR_orchestration_application_id=$(jq -r .orchestration_application <<<"$NAMES")
BUNDLE_VAR_deploy_application_id=$(jq -r .deploy_application <<<"$NAMES")
BUNDLE_VAR_source=$(jq -r .source <<<"$NAMES")
BUNDLE_VAR_warehouse_url=$(jq -r .DEMAND_WAREHOUSE_URL <<<"$SETTINGS")
BUNDLE_VAR_store_url=$(jq -r .DEMAND_STORE_URL <<<"$SETTINGS")
DATABRICKS_HOST=https://$(jq -r .DATABRICKS_HOST <<<"$SETTINGS")
export BUNDLE_VAR_job_application_id BUNDLE_VAR_orchestration_application_id BUNDLE_VAR_deploy_application_id \
  BUNDLE_VAR_source BUNDLE_VAR_warehouse_url BUNDLE_VAR_store_url DATABRICKS_HOST
