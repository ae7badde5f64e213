output "contact_function_name" {
  description = "Name of the function that contacts endpoints."
  value       = module.contact.function_name
}

output "contacts_table_name" {
  description = "Table of the claims, with the outcome of each endpoint and run for 15 days, under a digest of the endpoint id."
  value       = aws_dynamodb_table.contacts.name
}

output "dead_letter_queue_urls" {
  description = "Dead-letter queues: `endpoints` holds endpoints whose contact failed at each attempt."
  value       = { endpoints = module.intake.dead_letter_queue_url }
}

output "delivery_uri" {
  description = "ARN of the intake function: the DeliveryUri of a campaign's CustomDeliveryConfiguration, or of a journey's custom activity."
  value       = module.intake.function_arn

  # A campaign that starts at once needs the whole way to the channel.
  depends_on = [aws_lambda_event_source_mapping.endpoints]
}

output "intake_function_name" {
  description = "Name of the intake function."
  value       = module.intake.function_name
}

output "queue_url" {
  description = "URL of the queue of endpoints."
  value       = module.intake.queue_url
}
