output "dead_letter_queue_urls" {
  description = "Dead-letter queues: `records` holds records that could not be processed, with their data or as positions in the stream."
  value       = { records = module.subscriber.dead_letter_queue_url }
}

output "event_types" {
  description = "Event types that the rules are about. All other events are filtered out before the function."
  value       = local.event_types
}

output "function_name" {
  description = "Name of the function that reads the stream."
  value       = module.subscriber.function_name
}
