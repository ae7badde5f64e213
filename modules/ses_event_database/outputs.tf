output "athena_database" {
  description = "Database to name in queries."
  value       = module.database.athena_database
}

output "athena_workgroup" {
  description = "Workgroup to ask queries in: it holds the scan limit, the place of results and the named queries."
  value       = module.database.athena_workgroup
}

output "configuration_set_name" {
  description = "Configuration set to name when sending: its events are kept."
  value       = var.configuration_set.name

  # A message sent before would leave no events.
  depends_on = [aws_sesv2_configuration_set_event_destination.this]
}

output "events_bucket_name" {
  description = "Bucket of the events (events/) and of records that could not be read or written (errors/)."
  value       = module.database.events_bucket_name
}

output "firehose_arn" {
  description = "ARN of the Firehose stream that takes events directly."
  value       = module.database.firehose_arn
}

output "firehose_name" {
  description = "Name of the Firehose stream that takes events directly."
  value       = module.database.firehose_name
}

output "replay_function_name" {
  description = "Function that puts records of the error prefix to Firehose again."
  value       = module.database.replay_function_name
}

output "table_name" {
  description = "Table of the events as they came in."
  value       = module.database.table_name
}

output "transform_function_name" {
  description = "Function that makes rows of events."
  value       = module.database.transform_function_name
}
