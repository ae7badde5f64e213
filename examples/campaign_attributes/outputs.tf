output "api_url" {
  description = "Address of the Pinpoint-compatible API."
  value       = module.hub.api_url
}

output "campaign_hook" {
  description = "Hook of a campaign whose messages have {{Attributes.Offer}}."
  value       = module.offers.campaign_hook
}

output "from_address" {
  description = "Address that the hub sends from."
  value       = aws_sesv2_email_identity.sender.email_identity
}

output "function_name" {
  description = "Function that the campaign calls."
  value       = module.offers.function_name
}

output "project_id" {
  description = "Project of the endpoints and campaigns."
  value       = module.hub.project_id
}

output "segment_id" {
  description = "Segment of the people who subscribed to offers."
  value       = module.segments.results.Segment["subscribers"].Id
}

output "table_name" {
  description = "Table of the offers."
  value       = module.offers.table_name
}
