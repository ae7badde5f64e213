output "chains_table_name" {
  description = "Table of messages that failed and their retries, under the id of the first try: states, counts and times, no number and no text."
  value       = aws_dynamodb_table.this["chains"].name
}

output "dead_letter_queue_urls" {
  description = "Dead-letter queues: `events` for events that could not be processed, `retries` for retries that could not be sent, and without `event_stream` also `undelivered` for events that the topic could not deliver."
  value = merge(
    {
      events  = local.has_stream ? module.stream[0].dead_letter_queue_url : module.events[0].dead_letter_queue_url
      retries = module.retries.dead_letter_queue_url
    },
    local.has_stream ? {} : { undelivered = module.undelivered[0].queue_url },
  )
}

output "final_failure_topic_arn" {
  description = "Topic of final failures: counts, reasons and message ids, no number."
  value       = module.topic.topic_arn
}

output "reader_function_name" {
  description = "Name of the function that reads events and decides."
  value       = local.has_stream ? module.stream[0].function_name : module.reader[0].function_name
}

output "remember_policy_json" {
  description = "IAM policy (JSON) for programs that remember texts before they send them. It lets them write texts, not read them."
  value       = data.aws_iam_policy_document.remember.json
}

output "retry_queue_arn" {
  description = "ARN of the queue of retries: the destination of a redrive of the dead-letter queue `retries`."
  value       = module.retries.queue_arn
}

output "sender_function_name" {
  description = "Name of the function that sends retries."
  value       = module.sender.function_name
}

output "texts_table_name" {
  description = "Table of texts that senders remember, for `remember`."
  value       = aws_dynamodb_table.this["texts"].name
}
