output "dead_letter_queue_urls" {
  description = "Dead-letter queues by path: `orders` holds messages that failed all attempts."
  value       = { orders = module.queue.dead_letter_queue_url }
}

output "queue_arn" {
  description = "ARN of the queue, for the policies of producers: they need sqs:SendMessage."
  value       = module.queue.queue_arn
}

output "queue_url" {
  description = "URL of the queue that takes orders."
  value       = module.queue.queue_url

  # An order sent before would wait for the function.
  depends_on = [aws_lambda_event_source_mapping.orders]
}

output "topic_arn" {
  description = "ARN of the topic of the alerts."
  value       = module.topic.topic_arn
}
