output "api_url" {
  description = "Address of the Pinpoint-compatible API: what program.py takes as PINPOINT_API_URL."
  value       = module.hub.api_url
}

output "campaign_role_arn" {
  description = "Role that calls your functions (FILTER hooks, custom channels): the principal of their resource policies."
  value       = module.hub.campaign_role_arn
}

output "dead_letter_queue_urls" {
  description = "Queues of what went wrong; all are empty when all is well."
  value       = module.hub.dead_letter_queue_urls
}

output "state_machine_arns" {
  description = "State machines by what they run: campaign, export, import."
  value       = module.hub.state_machine_arns
}
