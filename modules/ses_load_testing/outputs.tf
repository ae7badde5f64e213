output "api_execution_arn" {
  description = "Prefix of the ARNs that callers need execute-api:Invoke on: `<this>/*/POST/messages`. Null without an API."
  value       = one(aws_apigatewayv2_api.this[*].execution_arn)
}

output "api_url" {
  description = "Address of the API: POST messages to `<this>/messages`. Null without an API."
  value       = one(aws_apigatewayv2_api.this[*].api_endpoint)

  # A request before is answered 404.
  depends_on = [aws_apigatewayv2_route.this, aws_apigatewayv2_stage.this]
}

output "dashboard_name" {
  description = "CloudWatch dashboard of the queue and its senders; null without dashboard."
  value       = one(aws_cloudwatch_dashboard.this[*].dashboard_name)
}

output "dead_letter_queue_urls" {
  description = "Dead-letter queues: `messages` holds those that cannot be sent, with the attributes `reason` and `error_code`; `quota_watch` holds runs of the quota watch that failed."
  value = {
    messages    = module.queue.dead_letter_queue_url
    quota_watch = module.missed_looks.queue_url
  }
}

output "event_source_mapping_id" {
  description = "UUID of the mapping from the queue to the sender: turned off by the quota watch, or by you, messages wait."
  value       = aws_lambda_event_source_mapping.sender.uuid
}

output "metadata_table_name" {
  description = "Table of users: key `user_id`, map attribute `metadata`, which templates are filled in from."
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
  description = "Queue of messages that may have been sent; the attributes `reason` and `error_code` say why that is not known."
  value       = aws_sqs_queue.parked.url
}

output "queue_arn" {
  description = "ARN of the queue, for the policies of producers: they need sqs:SendMessage."
  value       = module.queue.queue_arn
}

output "queue_url" {
  description = "Queue to send messages to directly."
  value       = module.queue.queue_url
}

output "quota_watch_function_name" {
  description = "Function that says whether deliveries are stopped, as {\"closed\": reason or null}, and starts them where SES has room."
  value       = module.quota_watch.function_name
}

output "quota_watch_schedule_name" {
  description = "Schedule of the quota watch, in the group `default`."
  value       = aws_scheduler_schedule.quota_watch.name
}

output "sender_function_name" {
  description = "Function that sends."
  value       = module.sender.function_name
}

output "state_table_name" {
  description = "Table of claims and outcomes, the shared schedule of sends, and the reason of a stop (pk and sk `valve`)."
  value       = aws_dynamodb_table.state.name
}
