output "work_bucket_name" {
  description = "Name of the bucket that exports pass through."
  value       = module.bucket.bucket_name
}

output "needs_validation_segment_id" {
  description = "Segment of the endpoints that no run has validated yet."
  value       = module.segment.results.Segment["needs_validation"].Id
}

output "state_machine_arn" {
  description = "State machine of a validation. Its input is {} or {\"SegmentId\": …}."
  value       = module.state_machine.state_machine_arn
}

output "verdict_table_name" {
  description = "Table of the verdicts and of the shared rate."
  value       = aws_dynamodb_table.verdict.name
}

output "topic_arn" {
  description = "Topic of the notifications: attribute notification_type is success or failure."
  value       = module.topic.topic_arn
}
