output "dead_letter_queue_url" {
  description = "URL of the dead-letter queue of records."
  value       = module.dead_letter.queue_url
}

output "function_name" {
  description = "Name of the function that reads the stream."
  value       = module.function.function_name
}

output "mapping" {
  description = "Event source mapping of the stream: its id, with which an operator stops and starts the subscriber, and the settings that decide which records reach the function and when."
  value = {
    uuid                   = aws_lambda_event_source_mapping.this.uuid
    stream_arn             = aws_lambda_event_source_mapping.this.event_source_arn
    filter_pattern         = local.pattern
    batch_size             = aws_lambda_event_source_mapping.this.batch_size
    window_seconds         = aws_lambda_event_source_mapping.this.maximum_batching_window_in_seconds
    parallelization_factor = aws_lambda_event_source_mapping.this.parallelization_factor
  }
}
