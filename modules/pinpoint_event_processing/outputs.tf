output "address_table_name" {
  description = "Name of the table of addresses. Its partition key is `address`, in lower case."
  value       = module.suppression.address_table_name
}

output "address_table_arn" {
  description = "ARN of the table of addresses."
  value       = module.suppression.address_table_arn
}

output "dead_letter_queue_urls" {
  description = "Dead-letter queues: `records` holds the position in the stream of records that could not be processed."
  value       = { records = module.subscriber.dead_letter_queue_url }
}

output "event_pattern" {
  description = "Event pattern (JSON) of an EventBridge rule for every suppressed address."
  value       = module.suppression.event_pattern
}

output "function_name" {
  description = "Name of the function that reads the stream."
  value       = module.subscriber.function_name
}
