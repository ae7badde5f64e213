output "api_url" {
  description = "Address of the API: POST messages to `<this>/messages`, signed."
  value       = module.sending.api_url
}

output "athena_database" {
  description = "Database to name in queries."
  value       = module.database.athena_database
}

output "athena_workgroup" {
  description = "Workgroup to ask queries in."
  value       = module.database.athena_workgroup
}

output "configuration_set" {
  description = "Configuration set for messages to name as `config_set`: its events are kept."
  value       = module.database.configuration_set_name
}

output "dashboard_name" {
  description = "CloudWatch dashboard of the queue and its senders."
  value       = module.sending.dashboard_name
}

output "dead_letter_queue_url" {
  description = "Queue of messages that cannot be sent, with their reason."
  value       = module.sending.dead_letter_queue_urls.messages
}

output "event_source_mapping_id" {
  description = "UUID of the mapping from the queue to the sender."
  value       = module.sending.event_source_mapping_id
}

output "events_bucket" {
  description = "Bucket of the events (events/) and of records that could not be read or written (errors/)."
  value       = module.database.events_bucket_name
}

output "from_address" {
  description = "Address to send from."
  value       = aws_sesv2_email_identity.sender.email_identity
}

output "metadata_table" {
  description = "Table of users: key `user_id`, map attribute `metadata`."
  value       = module.sending.metadata_table_name
}

output "metrics_dimensions" {
  description = "Dimensions of the sender's metrics."
  value       = module.sending.metrics_dimensions
}

output "metrics_namespace" {
  description = "CloudWatch namespace of the sender's metrics."
  value       = module.sending.metrics_namespace
}

output "parked_queue_url" {
  description = "Queue of messages whose send has an unknown outcome, with the known facts."
  value       = module.sending.parked_queue_url
}

output "queue_url" {
  description = "Queue to send messages to directly."
  value       = module.sending.queue_url
}

output "quota_watch_function_name" {
  description = "Function that says whether deliveries are stopped, and starts them where SES has room."
  value       = module.sending.quota_watch_function_name
}

output "quota_watch_schedule_name" {
  description = "Schedule of the quota watch."
  value       = module.sending.quota_watch_schedule_name
}

output "state_table" {
  description = "Table of claims and outcomes."
  value       = module.sending.state_table_name
}

output "template_name" {
  description = "Template of SES for messages to name as `template_name`."
  value       = aws_ses_template.simple.name
}
