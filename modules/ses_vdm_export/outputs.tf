output "claims_table_name" {
  description = "Name of the table of exported months. After its item is deleted, a month can be exported again."
  value       = aws_dynamodb_table.claims.name
}

output "dead_letter_queue_urls" {
  description = "Dead-letter queues: `schedule` holds scheduled runs that did not start."
  value       = { schedule = module.undelivered.queue_url }
}

output "report_bucket_name" {
  description = "Name of the bucket for the reports."
  value       = local.bucket
}

output "report_prefix" {
  description = "Key prefix of the reports."
  value       = var.prefix
}

output "schedule_name" {
  description = "Name of the schedule, in the schedule group `default`."
  value       = aws_scheduler_schedule.this.name
}

output "state_machine_arn" {
  description = "ARN of the state machine of an export. Its input for a manual run is {\"month\": \"2026-10\"}."
  value       = module.state_machine.state_machine_arn
}

output "topic_arn" {
  description = "ARN of the notification topic. The attribute notification_type of a notification is success or failure."
  value       = module.topic.topic_arn
}
