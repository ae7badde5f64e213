output "api_url" {
  description = "Address of the Pinpoint-compatible API."
  value       = module.hub.api_url
}

output "athena_workgroup" {
  description = "Athena workgroup of the runs."
  value       = module.segmentation.athena_workgroup
}

output "dead_letter_queue_urls" {
  description = "Dead-letter queues by path; each is empty in normal operation."
  value       = module.segmentation.dead_letter_queue_urls
}

output "events_database" {
  description = "Glue database of the events."
  value       = module.events.athena_database
}

output "notification_topic_arn" {
  description = "Topic of the notifications."
  value       = module.segmentation.topic_arn
}

output "project_id" {
  description = "Project of the segment."
  value       = module.hub.project_id
}

output "query" {
  description = "Query of the segment: red shoes, and an opened email."
  value       = local.query
}

output "results_bucket" {
  description = "Bucket of the query results."
  value       = module.segmentation.results_bucket_name
}

output "state_machine_arn" {
  description = "State machine of a run."
  value       = module.segmentation.state_machine_arn
}

output "stream_name" {
  description = "Kinesis data stream of the project's events."
  value       = module.event_stream.stream_name
}
