output "api_url" {
  description = "Address of the Pinpoint-compatible API."
  value       = module.hub.api_url
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
  description = "Configuration set to name when sending through SES."
  value       = aws_sesv2_configuration_set.direct.configuration_set_name

  depends_on = [module.database]
}

output "events_bucket" {
  description = "Bucket of the events (events/) and of records that could not be read or written (errors/)."
  value       = module.database.events_bucket_name
}

output "firehose_name" {
  description = "Firehose stream that takes events directly."
  value       = module.database.firehose_name
}

output "from_address" {
  description = "Address to send from, for programs and for the hub."
  value       = aws_sesv2_email_identity.sender.email_identity
}

output "project_id" {
  description = "Project whose events are kept."
  value       = module.hub.project_id
}

output "replay_function_name" {
  description = "Function that puts records of the error prefix to Firehose again."
  value       = module.database.replay_function_name
}

output "stream_name" {
  description = "Name of the stream of the project's events."
  value       = module.event_stream.stream_name

  depends_on = [module.event_stream]
}

output "table_name" {
  description = "Table of the events as they came in."
  value       = module.database.table_name
}
