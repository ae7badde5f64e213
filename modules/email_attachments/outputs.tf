output "bucket_name" {
  description = "Name of the bucket of the files: `<files.prefix><FilePrefix>_<endpoint id><type>`, or `<files.prefix><FilePrefix><type>` for all recipients."
  value       = local.bucket_name
}

output "dead_letter_queue_urls" {
  description = "Dead-letter queues: `endpoints` holds emails that could not be sent within a day, and messages that cannot be read, with the reason in the message attribute Reason."
  value       = { endpoints = module.channel.dead_letter_queue_url }
}

output "function_arn" {
  description = "ARN of the function of the channel: the DeliveryUri of a campaign's CustomDeliveryConfiguration, or of a journey's custom activity."
  value       = module.channel.function_arn
}

output "function_name" {
  description = "Name of the function of the channel."
  value       = module.channel.function_name
}

output "metrics_namespace" {
  description = "CloudWatch namespace of the sender's metrics, with the dimension FunctionName."
  value       = "EmailAttachments"
}

output "queue_arn" {
  description = "ARN of the queue of endpoints: the destination of a redrive of the dead-letter queue."
  value       = module.channel.queue_arn
}

output "queue_url" {
  description = "URL of the queue of endpoints."
  value       = module.channel.queue_url
}

output "sender_function_name" {
  description = "Name of the function that sends."
  value       = module.sender.function_name
}

output "state_table_name" {
  description = "Name of the table of claims and outcomes, and of the shared schedule of sends."
  value       = aws_dynamodb_table.state.name
}
