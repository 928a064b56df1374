resource "azurerm_consumption_budget_resource_group" "this" {
  name              = "budget-${var.name}"
  resource_group_id = var.resource_group_id
  amount            = var.monthly_amount
  time_grain        = "Monthly"

  time_period {
    start_date = "2026-12-01T00:00:00Z"
  }

  dynamic "notification" {
    for_each = { actual = { share = 80, type = "Actual" }, forecast = { share = 100, type = "Forecasted" } }
    content {
      enabled        = true
      threshold      = notification.value.share
      threshold_type = notification.value.type
      operator       = "GreaterThan"
      contact_emails = [var.alert_email]
    }
  }
}
