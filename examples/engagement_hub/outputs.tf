output "api_url" {
  description = "URL of the Pinpoint-compatible API; program.py reads it from PINPOINT_API_URL."
  value       = module.hub.api_url
}

output "campaign_role_arn" {
  description = "Role that calls your functions (FILTER hooks, custom channels): the principal of their resource policies."
  value       = module.hub.campaign_role_arn
}

output "dead_letter_queue_urls" {
  description = "Dead-letter queues by path; each is empty in normal operation."
  value       = module.hub.dead_letter_queue_urls
}

output "state_machine_arns" {
  description = "ARNs of the state machines by kind of work: campaign, export, import, journey."
  value       = module.hub.state_machine_arns
}
