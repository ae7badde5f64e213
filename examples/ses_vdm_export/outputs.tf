output "claims_table" {
  description = "Table of the months that were exported."
  value       = module.export.claims_table_name
}

output "dead_letter_queue_url" {
  description = "Queue of scheduled runs that could not be started."
  value       = module.export.dead_letter_queue_urls.schedule
}

output "from_address" {
  description = "Address to send from."
  value       = aws_sesv2_email_identity.sender.email_identity
}

output "report_bucket" {
  description = "Bucket of the reports."
  value       = module.export.report_bucket_name
}

output "report_prefix" {
  description = "Beginning of the reports' keys."
  value       = module.export.report_prefix
}

output "schedule_name" {
  description = "Schedule of the exports."
  value       = module.export.schedule_name
}

output "state_machine_arn" {
  description = "State machine of an export."
  value       = module.export.state_machine_arn
}

output "topic_arn" {
  description = "Topic of the notifications."
  value       = module.export.topic_arn
}
