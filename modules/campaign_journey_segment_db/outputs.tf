output "campaigns_table_name" {
  description = "Name of the table of campaigns and journeys."
  value       = aws_dynamodb_table.this["campaigns"].name
}

output "dead_letter_queue_urls" {
  description = "Dead-letter queues: changes (changes that could not be recorded) and undelivered (changes that EventBridge could not deliver, and reconciliations that failed)."
  value = {
    changes     = module.queue.dead_letter_queue_url
    undelivered = module.undelivered.queue_url
  }
}

output "queue_url" {
  description = "URL of the queue of changes."
  value       = module.queue.queue_url
}

output "reconcile_function_name" {
  description = "Name of the function that compares the tables with the project and exports them; an operator may invoke it at any time."
  value       = module.reconcile_function.function_name
}

output "segments_table_name" {
  description = "Name of the table of segments."
  value       = aws_dynamodb_table.this["segments"].name
}

output "table_arns" {
  description = "ARNs of the tables: campaigns and segments. The function of a DynamoDB connector needs them."
  value       = { for key, table in aws_dynamodb_table.this : key => table.arn }
}

output "view_names" {
  description = "Views of the event database that join events with names; empty without event_database."
  value       = flatten(module.views[*].view_names)
}
