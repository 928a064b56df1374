# What each alarm means and what to do is in infra/README.md, by the same names.
locals {
  everywhere = {
    pipeline-failed  = { scope = var.data_factory_id, namespace = "Microsoft.DataFactory/factories", metric = "PipelineFailedRuns", aggregation = "Total", operator = "GreaterThan", threshold = 0, severity = 1, window = "PT1H" }
    store-busy       = { scope = var.database_id, namespace = "Microsoft.Sql/servers/databases", metric = "cpu_percent", aggregation = "Average", operator = "GreaterThan", threshold = 90, severity = 2, window = "PT30M" }
    store-full       = { scope = var.database_id, namespace = "Microsoft.Sql/servers/databases", metric = "storage_percent", aggregation = "Maximum", operator = "GreaterThan", threshold = 85, severity = 2, window = "PT1H" }
    lake-unavailable = { scope = var.lake_id, namespace = "Microsoft.Storage/storageAccounts", metric = "Availability", aggregation = "Average", operator = "LessThan", threshold = 99, severity = 2, window = "PT1H" }
  }
  of_apps = {
    api-errors       = { scope = var.api_id, namespace = "Microsoft.Web/sites", metric = "Http5xx", aggregation = "Total", operator = "GreaterThan", threshold = 10, severity = 1, window = "PT15M" }
    api-unhealthy    = { scope = var.api_id, namespace = "Microsoft.Web/sites", metric = "HealthCheckStatus", aggregation = "Average", operator = "LessThan", threshold = 100, severity = 1, window = "PT15M" }
    api-slow         = { scope = var.api_id, namespace = "Microsoft.Web/sites", metric = "HttpResponseTime", aggregation = "Average", operator = "GreaterThan", threshold = 2, severity = 2, window = "PT15M" }
    dashboard-errors = { scope = var.dashboard_id, namespace = "Microsoft.Web/sites", metric = "Http5xx", aggregation = "Total", operator = "GreaterThan", threshold = 10, severity = 2, window = "PT15M" }
  }
  # the apps come last, with their images
  metrics = merge(local.everywhere, var.with_apps ? local.of_apps : {})
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

# Looked for in the logs. Each query gives a row where something is wrong; `evaluation` is how often it is asked, and
# `window` how far back it looks (Azure allows two days at most).
locals {
  logs = {
    # a weekly job that does not run at all fails no pipeline: its silence is the alarm
    no-forecast = {
      severity = 1, evaluation = "PT1H", window = "P1D"
      query    = <<-KQL
        ADFPipelineRun
        | where PipelineName == "demand-forecast" and Status == "Succeeded"
        | summarize succeeded = count()
        | where succeeded == 0 and dayofweek(now()) == 1d and hourofday(now()) >= ${var.publish_by_hour}
      KQL
    }
    check-failed = {
      severity = 1, evaluation = "PT15M", window = "PT1H"
      query    = <<-KQL
        ADFActivityRun
        | where PipelineName == "run-databricks-job" and ActivityName == "JobFailed" and ErrorMessage has "check_"
      KQL
    }
    drift = {
      severity = 2, evaluation = "PT1H", window = "PT2H"
      query    = <<-KQL
        ADFActivityRun
        | where PipelineName == "demand-forecast" and ActivityName == "TellDrift" and Status == "Succeeded"
      KQL
    }
    api-error-rate = {
      severity = 1, evaluation = "PT15M", window = "PT1H"
      query    = <<-KQL
        AppServiceHTTPLogs
        | where _ResourceId =~ "${coalesce(var.api_id, "none")}"
        | summarize asked = count(), failed = countif(ScStatus >= 500)
        | where asked >= 50 and failed * 100 > asked
      KQL
    }
  }
}

resource "azurerm_monitor_scheduled_query_rules_alert_v2" "this" {
  for_each             = local.logs
  name                 = "${each.key}-${var.name}"
  resource_group_name  = var.resource_group_name
  location             = var.location
  scopes               = [var.workspace_id]
  description          = "See ${each.key} in infra/README.md."
  severity             = each.value.severity
  evaluation_frequency = each.value.evaluation
  window_duration      = each.value.window
  # a factory that never ran has no table of runs yet
  skip_query_validation = true
  tags                  = var.tags

  criteria {
    query                   = each.value.query
    time_aggregation_method = "Count"
    operator                = "GreaterThan"
    threshold               = 0
  }

  action {
    action_groups = [var.action_group_id]
  }
}

# A stale forecast answers as usual, so it is asked for: /ready?fresh=true is 503 when the forecast is too old. From
# outside, since that is where callers are; it would keep a database that pauses awake, so such an environment has none.
resource "azurerm_application_insights_standard_web_test" "fresh" {
  count                   = var.watch_freshness ? 1 : 0
  name                    = "fresh-${var.name}"
  resource_group_name     = var.resource_group_name
  location                = var.location
  application_insights_id = var.application_insights_id
  geo_locations           = ["emea-nl-ams-azr", "emea-gb-db3-azr", "emea-fr-pra-edge"]
  frequency               = 900
  timeout                 = 30
  enabled                 = true
  retry_enabled           = true
  tags                    = var.tags

  request {
    url = "${var.api_url}/ready?fresh=true"
  }

  validation_rules {
    expected_status_code = 200
  }
}

resource "azurerm_monitor_metric_alert" "fresh" {
  count               = var.watch_freshness ? 1 : 0
  name                = "forecast-stale-${var.name}"
  resource_group_name = var.resource_group_name
  scopes              = [azurerm_application_insights_standard_web_test.fresh[0].id, var.application_insights_id]
  description         = "See forecast-stale in infra/README.md."
  severity            = 1
  frequency           = "PT15M"
  window_size         = "PT1H"
  tags                = var.tags

  application_insights_web_test_location_availability_criteria {
    web_test_id           = azurerm_application_insights_standard_web_test.fresh[0].id
    component_id          = var.application_insights_id
    failed_location_count = 2
  }

  action {
    action_group_id = var.action_group_id
  }
}
