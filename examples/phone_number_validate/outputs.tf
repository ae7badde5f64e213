output "api_url" {
  description = "Address of the Pinpoint-compatible API."
  value       = module.hub.api_url
}

output "needs_validation_segment_id" {
  description = "Segment of the endpoints that no run has validated yet."
  value       = module.validate.needs_validation_segment_id
}

output "notification_topic_arn" {
  description = "Topic of the notifications."
  value       = module.validate.topic_arn
}

output "project_id" {
  description = "Project whose numbers are validated."
  value       = module.hub.project_id
}

output "state_machine_arn" {
  description = "State machine of a validation: start it with {} or with {\"SegmentId\": …}."
  value       = module.validate.state_machine_arn
}

output "work_bucket" {
  description = "Bucket that exports pass through; empty between runs."
  value       = module.validate.work_bucket_name
}
