output "api_url" {
  description = "Address of the Pinpoint-compatible API."
  value       = module.hub.api_url
}

output "dead_letter_queue_url" {
  description = "Queue of records that could not be processed."
  value       = module.segmentation.dead_letter_queue_urls.records
}

output "from_address" {
  description = "Address that the hub sends from."
  value       = aws_sesv2_email_identity.sender.email_identity
}

output "function_name" {
  description = "Function that applies the rules."
  value       = module.segmentation.function_name
}

output "project_id" {
  description = "Project whose events and endpoints the rules are about."
  value       = module.hub.project_id
}

output "segment_ids" {
  description = "Segments that follow the rules: `registered` and `undecided`."
  value       = { for key, segment in module.segments.results.Segment : key => segment.Id }
}

output "stream_name" {
  description = "Name of the stream of the project's events."
  value       = module.event_stream.stream_name

  depends_on = [module.event_stream]
}
