# What each alarm means and what to do is in infra/README.md, by the same names.
locals {
  metrics = {
    pipeline-failed  = { scope = var.data_factory_id, namespace = "Microsoft.DataFactory/factories", metric = "PipelineFailedRuns", aggregation = "Total", operator = "GreaterThan", threshold = 0, severity = 1, window = "PT1H" }
    api-errors       = { scope = var.api_id, namespace = "Microsoft.Web/sites", metric = "Http5xx", aggregation = "Total", operator = "GreaterThan", threshold = 10, severity = 1, window = "PT15M" }
    api-unhealthy    = { scope = var.api_id, namespace = "Microsoft.Web/sites", metric = "HealthCheckStatus", aggregation = "Average", operator = "LessThan", threshold = 100, severity = 1, window = "PT15M" }
    api-slow         = { scope = var.api_id, namespace = "Microsoft.Web/sites", metric = "HttpResponseTime", aggregation = "Average", operator = "GreaterThan", threshold = 2, severity = 2, window = "PT15M" }
    dashboard-errors = { scope = var.dashboard_id, namespace = "Microsoft.Web/sites", metric = "Http5xx", aggregation = "Total", operator = "GreaterThan", threshold = 10, severity = 2, window = "PT15M" }
    store-busy       = { scope = var.database_id, namespace = "Microsoft.Sql/servers/databases", metric = "cpu_percent", aggregation = "Average", operator = "GreaterThan", threshold = 90, severity = 2, window = "PT30M" }
    store-full       = { scope = var.database_id, namespace = "Microsoft.Sql/servers/databases", metric = "storage_percent", aggregation = "Maximum", operator = "GreaterThan", threshold = 85, severity = 2, window = "PT1H" }
    lake-unavailable = { scope = var.lake_id, namespace = "Microsoft.Storage/storageAccounts", metric = "Availability", aggregation = "Average", operator = "LessThan", threshold = 99, severity = 2, window = "PT1H" }
  }
}

resource "azurerm_monitor_metric_alert" "this" {
  for_each            = local.metrics
  name                = "${each.key}-${var.name}"
  resource_group_name = var.resource_group_name
  scopes              = [each.value.scope]
  description         = "See ${each.key} in infra/README.md."
  severity            = each.value.severity
  frequency           = "PT15M"
  window_size         = each.value.window
  tags                = var.tags

  criteria {
    metric_namespace = each.value.namespace
    metric_name      = each.value.metric
    aggregation      = each.value.aggregation
    operator         = each.value.operator
    threshold        = each.value.threshold
  }

  action {
    action_group_id = var.action_group_id
  }
}

# A weekly job that does not run at all fails no pipeline: its silence is the alarm. Looked at each day over two days (the
# longest that Azure allows); the trigger fires on Mondays, so Tuesday knows.
resource "azurerm_monitor_scheduled_query_rules_alert_v2" "no_forecast" {
  name                = "no-forecast-${var.name}"
  resource_group_name = var.resource_group_name
  location            = var.location
  scopes              = [var.workspace_id]
  description         = "See no-forecast in infra/README.md."
  severity            = 1

  evaluation_frequency      = "P1D"
  window_duration           = "P2D"
  query_time_range_override = "P2D"
  tags                      = var.tags

  criteria {
    query                   = <<-KQL
      ADFPipelineRun
      | where PipelineName == "demand-forecast" and Status == "Succeeded"
      | summarize succeeded = count()
      | where succeeded == 0 and dayofweek(now()) == 2d
    KQL
    time_aggregation_method = "Count"
    operator                = "GreaterThan"
    threshold               = 0
  }

  action {
    action_groups = [var.action_group_id]
  }
}
