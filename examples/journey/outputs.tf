output "api_url" {
  description = "URL of the Pinpoint-compatible API; program.py reads it from PINPOINT_API_URL."
  value       = module.hub.api_url
}

output "dead_letter_queue_urls" {
  description = "Dead-letter queues by path; each is empty in normal operation."
  value       = module.hub.dead_letter_queue_urls
}

output "project_id" {
  description = "Project of the journey; program.py reads it from PROJECT_ID."
  value       = module.hub.project_id
}

output "state_machine_arns" {
  description = "ARNs of the state machines by kind of work: campaign, export, import, journey."
  value       = module.hub.state_machine_arns
}

output "table_names" {
  description = "Names of the hub's DynamoDB tables."
  value       = module.hub.table_names
}
