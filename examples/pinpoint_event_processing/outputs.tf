output "address_table" {
  description = "Name of the table of addresses, by `address` in lower case."
  value       = module.suppression.address_table_name

  depends_on = [module.suppression]
}

output "api_url" {
  description = "Address of the Pinpoint-compatible API."
  value       = module.hub.api_url
}

output "configuration_set" {
  description = "Configuration set that the hub sends with."
  value       = aws_sesv2_configuration_set.hub.configuration_set_name
}

output "dead_letter_queue_url" {
  description = "Queue of records that could not be processed."
  value       = module.suppression.dead_letter_queue_urls.records
}

output "event_pattern" {
  description = "Event pattern (JSON) of an EventBridge rule that matches every suppressed address."
  value       = module.suppression.event_pattern
}

output "from_address" {
  description = "Address that the hub sends from."
  value       = aws_sesv2_email_identity.sender.email_identity
}

output "function_name" {
  description = "Function that suppresses addresses."
  value       = module.suppression.function_name
}

output "project_id" {
  description = "Project whose bounces and complaints count."
  value       = module.hub.project_id
}

output "stream_name" {
  description = "Name of the stream of the project's events."
  value       = module.event_stream.stream_name

  depends_on = [module.event_stream]
}
