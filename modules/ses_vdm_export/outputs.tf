output "claims_table_name" {
  description = "Table of the months that were exported. Deleting an item lets its month be exported again."
  value       = aws_dynamodb_table.claims.name
}

output "dead_letter_queue_urls" {
  description = "Dead-letter queues: `schedule` holds scheduled runs that could not be started."
  value       = { schedule = module.undelivered.queue_url }
}

output "report_bucket_name" {
  description = "Name of the bucket of the reports."
  value       = local.bucket
}

output "report_prefix" {
  description = "Beginning of the reports' keys."
  value       = var.prefix
}

output "schedule_name" {
  description = "Name of the schedule, in the schedule group `default`."
  value       = aws_scheduler_schedule.this.name
}

output "state_machine_arn" {
  description = "State machine of an export. Its input by hand is {\"month\": \"2026-10\"}."
  value       = module.state_machine.state_machine_arn
}

output "topic_arn" {
  description = "Topic of the notifications: attribute notification_type is success or failure."
  value       = module.topic.topic_arn
}
