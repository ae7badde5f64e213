output "api_url" {
  description = "Address of the Pinpoint-compatible API."
  value       = module.hub.api_url
}

output "project_id" {
  description = "Project whose events are kept."
  value       = module.hub.project_id
}

output "stream_arn" {
  description = "ARN of the stream of events."
  value       = module.event_stream.stream_arn

  depends_on = [module.event_stream]
}

output "stream_name" {
  description = "Name of the stream of events."
  value       = module.event_stream.stream_name

  depends_on = [module.event_stream]
}
