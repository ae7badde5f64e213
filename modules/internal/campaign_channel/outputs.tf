output "dead_letter_queue_url" {
  description = "URL of the dead-letter queue of messages that the reading function gave up."
  value       = module.queue.dead_letter_queue_url
}

output "function_arn" {
  description = "ARN of the intake function: the DeliveryUri of a campaign's CustomDeliveryConfiguration. A campaign that uses it may call it."
  value       = module.intake.function_arn

  depends_on = [module.permission]
}

output "function_name" {
  description = "Name of the intake function."
  value       = module.intake.function_name
}

output "log_group_name" {
  description = "Name of the log group of the intake function."
  value       = module.intake.log_group_name
}

output "queue_arn" {
  description = "ARN of the queue with one message for each endpoint."
  value       = module.queue.queue_arn
}

output "queue_name" {
  description = "Name of the queue with one message for each endpoint."
  value       = module.queue.queue_name
}

output "queue_url" {
  description = "URL of the queue with one message for each endpoint."
  value       = module.queue.queue_url
}
