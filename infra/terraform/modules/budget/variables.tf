variable "name" {
  description = "Name."
  type        = string
}

variable "resource_group_id" {
  description = "What is paid for."
  type        = string
}

variable "monthly_amount" {
  description = "Budget a month."
  type        = number
}

variable "action_group_id" {
  description = "Who is told."
  type        = string
}

variable "start_date" {
  description = "First day of the month in which the budget starts; read when it is made, ignored afterwards."
  type        = string
}
