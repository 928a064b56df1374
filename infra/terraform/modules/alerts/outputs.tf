output "names" {
  description = "Alarms by name."
  value       = concat(keys(local.everywhere), keys(local.of_apps), keys(local.logs), ["forecast-stale"])
}
