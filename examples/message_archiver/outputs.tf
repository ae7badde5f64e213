output "api_url" {
  description = "Address of the Pinpoint-compatible API."
  value       = module.hub.api_url
}

output "archive_bucket" {
  description = "Bucket of messages."
  value       = module.archive.archive_bucket_name

  depends_on = [module.archive]
}

output "archiver_function_name" {
  description = "Function that writes messages to the archive."
  value       = module.archive.archiver_function_name
}

output "athena_database" {
  description = "Glue database of the index."
  value       = module.archive.database_name
}

output "athena_workgroup" {
  description = "Athena workgroup of the index."
  value       = module.archive.workgroup_name
}

output "dead_letter_queue_url" {
  description = "Queue of sends that could not be archived."
  value       = module.archive.dead_letter_queue_urls.messages
}

output "erase_policy" {
  description = "IAM policy (JSON) for the operator who deletes a person's messages."
  value       = module.archive.erase_policy_json
}

output "from_address" {
  description = "Address that the hub sends from."
  value       = aws_sesv2_email_identity.sender.email_identity
}

output "index_bucket" {
  description = "Bucket of the index."
  value       = module.archive.index_bucket_name
}

output "project_id" {
  description = "Project whose messages are archived."
  value       = module.hub.project_id
}

output "queue_arn" {
  description = "Queue of sends, the destination of a redrive."
  value       = module.archive.queue_arn
}

output "queue_function_name" {
  description = "Function that reads the event stream."
  value       = module.archive.queue_function_name
}

output "stream_name" {
  description = "Stream of the project's events."
  value       = module.event_stream.stream_name

  depends_on = [module.event_stream]
}
