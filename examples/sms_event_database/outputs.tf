output "athena_database" {
  description = "Database to name in queries."
  value       = module.database.athena_database
}

output "athena_workgroup" {
  description = "Workgroup to ask queries in."
  value       = module.database.athena_workgroup
}

output "configuration_set" {
  description = "Configuration set to name when sending."
  value       = module.database.configuration_set_name
}

output "events_bucket" {
  description = "Bucket of the events (events/) and of records that could not be read or written (errors/)."
  value       = module.database.events_bucket_name
}

output "firehose_name" {
  description = "Firehose stream that takes events directly."
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
