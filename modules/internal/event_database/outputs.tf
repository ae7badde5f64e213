output "athena_database" {
  description = "Database to name in queries."
  value       = aws_glue_catalog_database.this.name
}

output "athena_workgroup" {
  description = "Workgroup to ask queries in: it holds the scan limit, the place of results and the named queries."
  value       = aws_athena_workgroup.this.name
}

output "events_bucket_name" {
  description = "Bucket of the events (events/) and of records that could not be read or written (errors/)."
  value       = module.events_bucket.bucket_name
}

output "firehose_arn" {
  description = "ARN of the Firehose stream that takes events directly."
  value       = aws_kinesis_firehose_delivery_stream.this["direct"].arn
}

output "firehose_name" {
  description = "Name of the Firehose stream that takes events directly."
  value       = aws_kinesis_firehose_delivery_stream.this["direct"].name
}

output "publisher_role_arns" {
  description = "Key of the publisher => the role by which it writes to the Firehose stream."
  value       = { for key, role in aws_iam_role.publisher : key => role.arn }

  # A destination is tried with the role as soon as it is made.
  depends_on = [aws_iam_role_policy.publisher]
}

output "replay_function_name" {
  description = "Function that puts records of the error prefix to Firehose again."
  value       = module.replay_function.function_name
}

output "results_bucket_name" {
  description = "Bucket of the results of queries."
  value       = module.results_bucket.bucket_name
}

output "table_name" {
  description = "Table of the events as they came in."
  value       = aws_glue_catalog_table.events.name
}

output "transform_function_name" {
  description = "Function that makes rows of events."
  value       = module.transform_function.function_name
}
