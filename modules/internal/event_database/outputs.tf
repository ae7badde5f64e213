output "athena_database" {
  description = "Name of the Glue database, for queries."
  value       = aws_glue_catalog_database.this.name
}

output "athena_workgroup" {
  description = "Athena workgroup of the database: it has the scan limit, the location of query results and the named queries."
  value       = module.workgroup.workgroup_name
}

output "events_bucket_name" {
  description = "Name of the bucket of events (events/) and of records that could not be read or written (errors/)."
  value       = module.events_bucket.bucket_name
}

output "firehose_arn" {
  description = "ARN of the Firehose stream for direct writes."
  value       = aws_kinesis_firehose_delivery_stream.this["direct"].arn
}

output "firehose_name" {
  description = "Name of the Firehose stream for direct writes."
  value       = aws_kinesis_firehose_delivery_stream.this["direct"].name
}

output "publisher_role_arns" {
  description = "Key of the publisher => ARN of the role with which it writes to the Firehose stream."
  value       = { for key, role in aws_iam_role.publisher : key => role.arn }

  # A service checks the role when it creates an event destination.
  depends_on = [aws_iam_role_policy.publisher]
}

output "replay_function_name" {
  description = "Name of the function that sends the records under errors/ to Firehose again."
  value       = module.replay_function.function_name
}

output "results_bucket_name" {
  description = "Name of the bucket of query results."
  value       = module.workgroup.results_bucket_name
}

output "table_name" {
  description = "Name of the table of events, as received."
  value       = aws_glue_catalog_table.events.name
}

output "transform_function_name" {
  description = "Name of the function that transforms events to rows."
  value       = module.transform_function.function_name
}
