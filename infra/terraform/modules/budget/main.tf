resource "azurerm_consumption_budget_resource_group" "this" {
  name              = "budget-${var.name}"
  resource_group_id = var.resource_group_id
  amount            = var.monthly_amount
  time_grain        = "Monthly"

  time_period {
    start_date = var.start_date
  }

  # The service refuses a start before the present month, and a change of it later.
  lifecycle {
    ignore_changes = [time_period]
  }

  dynamic "notification" {
    for_each = { actual = { share = 80, type = "Actual" }, forecast = { share = 100, type = "Forecasted" } }
    content {
      enabled        = true
      threshold      = notification.value.share
      threshold_type = notification.value.type
      operator       = "GreaterThan"
      contact_groups = [var.action_group_id]
    }
  }
}
