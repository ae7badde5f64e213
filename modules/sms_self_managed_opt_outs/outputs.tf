output "dead_letter_queue_urls" {
  description = "Dead-letter queues: `messages` holds messages that could not be carried out, `undelivered` notifications that SNS or EventBridge could not put into the queue, and `records` events that could not be read (null without an event stream)."
  value = {
    messages    = module.queue.dead_letter_queue_url
    records     = one(module.subscriber[*].dead_letter_queue_url)
    undelivered = module.undelivered.queue_url
  }
}

output "function_name" {
  description = "Name of the function that carries out messages."
  value       = module.function.function_name
}

output "index_table_name" {
  description = "Name of the table of endpoints by number."
  value       = aws_dynamodb_table.index.name
}

output "opt_out_list_names" {
  description = "Category => the name of its opt-out list."
  value       = local.opt_out_lists
}

output "preferences_table_name" {
  description = "Name of the table of preferences and of the records of messages."
  value       = local.table.name
}

output "queue_url" {
  description = "URL of the queue of inbound messages."
  value       = module.queue.queue_url
}

output "topic_arn" {
  description = "ARN of the topic of inbound messages, for the two-way channel of numbers that the module does not manage, and for other subscribers."
  value       = module.topic.topic_arn
}
