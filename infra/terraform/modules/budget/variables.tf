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

variable "alert_email" {
  description = "Who is told."
  type        = string
}
