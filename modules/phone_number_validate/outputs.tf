output "work_bucket_name" {
  description = "Name of the working bucket for exports."
  value       = module.bucket.bucket_name
}

output "needs_validation_segment_id" {
  description = "Id of the segment of endpoints that no run has validated yet."
  value       = module.segment.results.Segment["needs_validation"].Id
}

output "kms_key" {
  description = "Customer managed KMS key of the state machine, which a caller of StartExecution needs (kms:Decrypt, kms:GenerateDataKey). Null without one."
  value       = var.kms_key
}

output "state_machine_arn" {
  description = "ARN of the state machine of a validation. Its input is {} or {\"SegmentId\": …}."
  value       = module.state_machine.state_machine_arn
}

output "verdict_table_name" {
  description = "Name of the table of verdicts and of the shared rate."
  value       = aws_dynamodb_table.verdict.name
}

output "topic_arn" {
  description = "ARN of the notification topic. The attribute notification_type of a notification is success or failure."
  value       = module.topic.topic_arn
}
