output "dead_letter_queue_urls" {
  description = "Dead-letter queues by path; each is empty in normal operation."
  value       = module.alerts.dead_letter_queue_urls
}

output "notification_topic_arn" {
  description = "ARN of the topic of the alerts."
  value       = module.alerts.topic_arn
}

output "queue_url" {
  description = "URL of the queue that takes orders."
  value       = module.alerts.queue_url
}
