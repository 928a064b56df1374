# One identity a task, so that each has only the rights of its task (modules/access).
resource "azurerm_user_assigned_identity" "this" {
  for_each            = toset(["orchestration", "job", "api", "dashboard", "operations"])
  name                = "id-${var.name}-${each.key}"
  resource_group_name = var.resource_group_name
  location            = var.location
  tags                = var.tags
}
