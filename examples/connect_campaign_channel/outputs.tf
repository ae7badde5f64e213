output "api_url" {
  description = "Address of the Pinpoint-compatible API."
  value       = module.hub.api_url
}

output "contact_flow_id" {
  description = "Flow that says the message."
  value       = aws_connect_contact_flow.offer.contact_flow_id
}

output "contact_function_name" {
  description = "Function that makes the calls."
  value       = module.calls.contact_function_name
}

output "contacts_table_name" {
  description = "Table with the claim and the outcome of each endpoint and run."
  value       = module.calls.contacts_table_name
}

output "dead_letter_queue_url" {
  description = "Queue of endpoints whose call failed at each attempt."
  value       = module.calls.dead_letter_queue_urls.endpoints
}

output "delivery_uri" {
  description = "Function that a campaign names in its CustomDeliveryConfiguration."
  value       = module.calls.delivery_uri
}

output "intake_function_name" {
  description = "Function that campaigns call."
  value       = module.calls.intake_function_name
}

output "project_id" {
  description = "Project of the campaigns."
  value       = module.hub.project_id
}

output "queue_url" {
  description = "Queue of the endpoints to call."
  value       = module.calls.queue_url
}

output "segment_id" {
  description = "Segment of the endpoints with the attribute call = yes."
  value       = module.segments.results.Segment["customers"].Id

  # A campaign's first events would otherwise reach a stream that is not registered yet.
  depends_on = [module.event_stream]
}

output "source_phone_number" {
  description = "Number that customers see."
  value       = aws_connect_phone_number.caller_id.phone_number
}

output "stream_name" {
  description = "Stream of the project's events."
  value       = module.event_stream.stream_name
}
