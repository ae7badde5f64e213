output "api_url" {
  description = "Address of the Pinpoint-compatible API."
  value       = module.hub.api_url
}

output "bucket_name" {
  description = "Bucket of the files, under statements/."
  value       = module.attachments.bucket_name
}

output "dead_letter_queue_url" {
  description = "Queue of emails that could not be sent within a day."
  value       = module.attachments.dead_letter_queue_urls.endpoints
}

output "function_arn" {
  description = "Function of the channel: the DeliveryUri of a campaign."
  value       = module.attachments.function_arn
}

output "from_address" {
  description = "Address that the channel sends from."
  value       = aws_sesv2_email_identity.sender.email_identity
}

output "project_id" {
  description = "Project whose campaigns use the channel."
  value       = module.hub.project_id
}

output "queue_url" {
  description = "Queue of endpoints that wait for their email."
  value       = module.attachments.queue_url
}

output "segment_id" {
  description = "Segment of all customers with an email address."
  value       = module.content.results.Segment["customers"].Id
}

output "sender_function_name" {
  description = "Function that sends."
  value       = module.attachments.sender_function_name
}

output "stream_name" {
  description = "Name of the stream of the project's events."
  value       = module.event_stream.stream_name

  depends_on = [module.event_stream]
}

output "template_names" {
  description = "Email templates: `statement` and `terms`."
  value       = { statement = "${var.name}-statement", terms = "${var.name}-terms" }

  depends_on = [module.content]
}
