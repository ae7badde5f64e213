output "api_execution_arn" {
  description = "Prefix of the ARN on which callers need execute-api:Invoke: `<this>/*/POST/messages`. Null without an API."
  value       = one(aws_apigatewayv2_api.this[*].execution_arn)
}

output "api_url" {
  description = "URL of the API: POST messages to `<this>/messages`. Null without an API."
  value       = one(aws_apigatewayv2_api.this[*].api_endpoint)

  # An earlier request gets status 404.
  depends_on = [aws_apigatewayv2_route.this, aws_apigatewayv2_stage.this]
}

output "dashboard_name" {
  description = "Name of the CloudWatch dashboard of the queue and the sender; null without dashboard."
  value       = one(aws_cloudwatch_dashboard.this[*].dashboard_name)
}

output "dead_letter_queue_urls" {
  description = "Dead-letter queues: `messages` holds messages that cannot be sent, with the attributes `reason` and `error_code`; `quota_watch` holds runs of the quota watch that failed."
  value = {
    messages    = module.queue.dead_letter_queue_url
    quota_watch = module.missed_looks.queue_url
  }
}

output "event_source_mapping_id" {
  description = "UUID of the event source mapping from the queue to the sender. While the quota watch, or you, disable it, messages wait."
  value       = aws_lambda_event_source_mapping.sender.uuid
}

output "metadata_table_name" {
  description = "Name of the table of users: partition key `user_id`, map attribute `metadata` with the template data."
  value       = local.metadata_table
}

output "metrics_dimensions" {
  description = "Dimensions of the sender's metrics."
  value       = { FunctionName = module.sender.function_name }
}

output "metrics_namespace" {
  description = "CloudWatch namespace of the sender's metrics."
  value       = local.namespace
}

output "parked_queue_url" {
  description = "URL of the queue of messages that may have been sent. The attributes `reason` and `error_code` give the cause."
  value       = aws_sqs_queue.parked.url
}

output "queue_arn" {
  description = "ARN of the queue, for the policies of producers: they need sqs:SendMessage."
  value       = module.queue.queue_arn
}

output "queue_url" {
  description = "URL of the queue, for producers."
  value       = module.queue.queue_url
}

output "quota_watch_function_name" {
  description = "Name of the quota watch function. It returns whether deliveries are stopped, as {\"closed\": reason or null}, and starts them when SES accepts email."
  value       = module.quota_watch.function_name
}

output "quota_watch_schedule_name" {
  description = "Name of the schedule of the quota watch, in the group `default`."
  value       = aws_scheduler_schedule.quota_watch.name
}

output "sender_function_name" {
  description = "Name of the function that sends."
  value       = module.sender.function_name
}

output "state_table_name" {
  description = "Name of the table of claims and outcomes, the shared schedule of sends, and the reason of a stop (pk and sk `valve`)."
  value       = aws_dynamodb_table.state.name
}
