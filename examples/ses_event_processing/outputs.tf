output "address_table" {
  description = "Table of addresses: why, when and by which feedback each was suppressed."
  value       = module.suppression.address_table_name
}

output "configuration_set" {
  description = "Configuration set to name when sending."
  value       = module.suppression.configuration_set_name
}

output "dead_letter_queue_urls" {
  description = "Dead-letter queues by path; each is empty in normal operation."
  value       = module.suppression.dead_letter_queue_urls
}

output "event_pattern" {
  description = "Event pattern (JSON) of an EventBridge rule that matches every suppressed address."
  value       = module.suppression.event_pattern
}

output "from_address" {
  description = "Address to send from."
  value       = aws_sesv2_email_identity.sender.email_identity
}

output "newsletter_configuration_set" {
  description = "Configuration set whose bounces and complaints arrive by EventBridge."
  value       = aws_sesv2_configuration_set.newsletter.configuration_set_name
}

output "queue_url" {
  description = "Queue of feedback that waits to be processed."
  value       = module.suppression.queue_url
}

output "topic_arn" {
  description = "Topic that SES publishes feedback to."
  value       = module.suppression.topic_arn
}
