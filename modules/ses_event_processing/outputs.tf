output "address_table_name" {
  description = "Name of the table of addresses. Its partition key is `address`, in lower case."
  value       = module.suppression.address_table_name
}

output "address_table_arn" {
  description = "ARN of the table of addresses."
  value       = module.suppression.address_table_arn
}

output "configuration_set_name" {
  description = "Name of the configuration set whose events are processed; null without configuration_set."
  value       = var.configuration_set == null ? null : aws_sesv2_configuration_set_event_destination.this[0].configuration_set_name
}

output "dead_letter_queue_urls" {
  description = "Dead-letter queues: `feedback` for messages that could not be processed, `undelivered` for notifications that did not reach the queue, `identities` (null without identities) for runs of the wiring that failed."
  value = {
    feedback    = module.queue.dead_letter_queue_url
    identities  = one(module.wiring_failures[*].queue_url)
    undelivered = module.undelivered.queue_url
  }
}

output "event_pattern" {
  description = "Event pattern (JSON) of an EventBridge rule for every suppressed address."
  value       = module.suppression.event_pattern
}

output "queue_url" {
  description = "URL of the queue that the function reads."
  value       = module.queue.queue_url
}

output "topic_arn" {
  description = "ARN of the topic that SES publishes feedback to."
  value       = module.topic.topic_arn
}
