output "names" {
  description = "Alarms by name."
  value       = concat(keys(local.metrics), ["no-forecast"])
}
