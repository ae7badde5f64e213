output "alerts_number" {
  description = "Number that sends at `message_parts_per_second`; the default of rows without short_code."
  value       = aws_pinpointsmsvoicev2_phone_number.alerts.phone_number
}

output "dead_letter_queue_urls" {
  description = "Dead-letter queues by path; each is empty in normal operation."
  value       = module.drop.dead_letter_queue_urls
}

output "drop_bucket" {
  description = "Bucket to drop files into."
  value       = module.drop.drop_bucket_name
}

output "drop_prefix" {
  description = "Key prefix to drop files under."
  value       = module.drop.drop_prefix
}

output "notification_topic_arn" {
  description = "Topic of the notifications."
  value       = module.drop.topic_arn
}

output "offers_number" {
  description = "Number that sends one message part per second."
  value       = aws_pinpointsmsvoicev2_phone_number.offers.phone_number
}

output "permit_queue_urls" {
  description = "Queues of permits to send, by the key of the number."
  value       = module.drop.permit_queue_urls
}

output "state_machine_arn" {
  description = "State machine of a run."
  value       = module.drop.state_machine_arn
}

output "state_table" {
  description = "Table of claims and outcomes."
  value       = module.drop.state_table_name
}

output "work_bucket" {
  description = "Bucket of status objects and result files."
  value       = module.drop.work_bucket_name
}
