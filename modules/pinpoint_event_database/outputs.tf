output "athena_database" {
  description = "Name of the Glue database, for queries."
  value       = module.database.athena_database
}

output "athena_workgroup" {
  description = "Athena workgroup of the database: it has the scan limit, the location of query results and the named queries."
  value       = module.database.athena_workgroup
}

output "event_database" {
  description = "Database for the `event_database` input of modules that add tables and views to it: its Glue database, its Athena workgroup, its bucket, and its customer managed KMS key, if it has one."
  value = {
    athena_database    = module.database.athena_database
    athena_workgroup   = module.database.athena_workgroup
    events_bucket_name = module.database.events_bucket_name
    kms_key            = var.kms_key
  }
}

output "events_bucket_name" {
  description = "Name of the bucket of events (events/) and of records that could not be read or written (errors/)."
  value       = module.database.events_bucket_name
}

output "firehose_arn" {
  description = "ARN of the Firehose stream for direct writes."
  value       = module.database.firehose_arn
}

output "firehose_name" {
  description = "Name of the Firehose stream for direct writes."
  value       = module.database.firehose_name
}

output "replay_function_name" {
  description = "Name of the function that sends the records under errors/ to Firehose again."
  value       = module.database.replay_function_name
}

output "table_name" {
  description = "Name of the table of events, as received."
  value       = module.database.table_name
}

output "transform_function_name" {
  description = "Name of the function that transforms events to rows."
  value       = module.database.transform_function_name
}
