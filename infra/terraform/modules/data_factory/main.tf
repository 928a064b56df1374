# Pipelines, datasets, linked services and the trigger are the JSON files of infra/data_factory, deployed as they are.
locals {
  folder = "${path.module}/../../../data_factory"
  parts = {
    linkedService = "linkedservices"
    dataset       = "datasets"
    pipeline      = "pipelines"
    trigger       = "triggers"
  }
  files = {
    for kind, resource_type in local.parts : kind => {
      for file in fileset("${local.folder}/${kind}", "*.json") : file => jsondecode(file("${local.folder}/${kind}/${file}"))
    }
  }
  resources = flatten([
    for kind, files in local.files : [
      for file, content in files : {
        type       = "Microsoft.DataFactory/factories/${local.parts[kind]}"
        apiVersion = "2018-06-01"
        name       = "[concat(parameters('factory'), '/${content.name}')]"
        properties = content.properties
        dependsOn = [
          for needed in local.needs[kind] :
          "[resourceId('Microsoft.DataFactory/factories/${local.parts[needed.kind]}', parameters('factory'), '${needed.name}')]"
        ]
      }
    ]
  ])
  # whatever a kind may refer to is made before it
  earlier = { linkedService = [], dataset = ["linkedService"], pipeline = ["linkedService", "dataset"], trigger = ["pipeline"] }
  needs = {
    for kind, kinds in local.earlier : kind => flatten([
      for other in kinds : [for content in values(local.files[other]) : { kind = other, name = content.name }]
    ])
  }
  globals = {
    sourceUrl    = { type = "String", value = var.source_url }
    vaultUrl     = { type = "String", value = var.key_vault_uri }
    lakeUrl      = { type = "String", value = var.lake_dfs_endpoint }
    workspaceUrl = { type = "String", value = "https://${var.databricks_workspace_url}" }
    sqlServer    = { type = "String", value = var.sql_server_fqdn }
    sqlDatabase  = { type = "String", value = var.sql_database }
    stores       = { type = "String", value = var.stores }
    source       = { type = "String", value = var.source_kind }
  }
}

resource "azurerm_data_factory" "this" {
  name                            = var.name
  resource_group_name             = var.resource_group_name
  location                        = var.location
  managed_virtual_network_enabled = true
  public_network_enabled          = false
  tags                            = var.tags

  identity {
    type         = "UserAssigned"
    identity_ids = [var.identity_id]
  }

  dynamic "global_parameter" {
    for_each = local.globals
    content {
      name  = global_parameter.key
      type  = global_parameter.value.type
      value = global_parameter.value.value
    }
  }
}

resource "azurerm_data_factory_credential_user_managed_identity" "this" {
  name            = "orchestration"
  data_factory_id = azurerm_data_factory.this.id
  identity_id     = var.identity_id
}

resource "azurerm_data_factory_integration_runtime_azure" "this" {
  name                    = "private"
  data_factory_id         = azurerm_data_factory.this.id
  location                = var.location
  virtual_network_enabled = true
  time_to_live_min        = 10
}

resource "azurerm_data_factory_managed_private_endpoint" "this" {
  for_each = {
    lake  = { id = var.lake_id, subresource = "dfs" }
    sql   = { id = var.sql_id, subresource = "sqlServer" }
    vault = { id = var.key_vault_id, subresource = "vault" }
  }
  name               = each.key
  data_factory_id    = azurerm_data_factory.this.id
  target_resource_id = each.value.id
  subresource_name   = each.value.subresource
}

# A private endpoint of a factory waits for its target's consent; we own both.
resource "terraform_data" "approval" {
  for_each = {
    lake  = var.lake_id
    sql   = var.sql_id
    vault = var.key_vault_id
  }
  triggers_replace = [azurerm_data_factory_managed_private_endpoint.this[each.key].id]

  provisioner "local-exec" {
    command = "'${path.module}/../../../approve_private_endpoints.sh' '${each.value}' '${var.name}.${each.key}'"
  }
}

resource "azurerm_resource_group_template_deployment" "content" {
  name                = "data-factory-content"
  resource_group_name = var.resource_group_name
  deployment_mode     = "Incremental"
  tags                = var.tags

  template_content = jsonencode({
    "$schema"      = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
    contentVersion = "1.0.0.0"
    parameters     = { factory = { type = "string" } }
    resources      = local.resources
  })
  parameters_content = jsonencode({ factory = { value = azurerm_data_factory.this.name } })

  depends_on = [
    azurerm_data_factory_credential_user_managed_identity.this,
    azurerm_data_factory_integration_runtime_azure.this,
    terraform_data.approval,
  ]
}

# A trigger is deployed at rest; one that shall run is started here and stopped before its definition changes.
resource "terraform_data" "trigger_state" {
  triggers_replace = [azurerm_resource_group_template_deployment.content.template_content, var.trigger_enabled]
  input            = var.trigger_enabled ? "start" : "stop"

  provisioner "local-exec" {
    command = "az datafactory trigger ${self.input} --resource-group '${var.resource_group_name}' --factory-name '${var.name}' --name weekly"
  }
}

resource "azurerm_monitor_diagnostic_setting" "this" {
  name                           = "runs"
  target_resource_id             = azurerm_data_factory.this.id
  log_analytics_workspace_id     = var.log_analytics_workspace_id
  log_analytics_destination_type = "Dedicated"

  enabled_log {
    category = "PipelineRuns"
  }
  enabled_log {
    category = "ActivityRuns"
  }
  enabled_log {
    category = "TriggerRuns"
  }
}
