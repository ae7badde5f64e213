output "archive_bucket_name" {
  description = "Name of the bucket of messages, under archive/<endpoint>/<year>/<month>/<day>/<hour>/."
  value       = module.archive_bucket.bucket_name
}

output "archiver_function_name" {
  description = "Name of the function that writes messages to the archive."
  value       = module.archiver.function_name
}

output "database_name" {
  description = "Glue database of the index; its table is `messages`."
  value       = aws_glue_catalog_database.this.name
}

output "dead_letter_queue_urls" {
  description = "Dead-letter queues: `events` for records of the stream that are no sends, `messages` for sends that cannot be archived, with the reason in the message attribute Reason."
  value = {
    events   = module.sends.dead_letter_queue_url
    messages = module.queue.dead_letter_queue_url
  }
}

output "erase_policy_json" {
  description = "IAM policy (JSON) for the operator who lists or deletes the messages of an endpoint. It does not bypass Object Lock, and does not run Athena queries."
  value       = data.aws_iam_policy_document.erase.json
}

output "index_bucket_name" {
  description = "Name of the bucket of index files."
  value       = module.index_bucket.bucket_name
}

output "queue_arn" {
  description = "ARN of the queue of sends: the destination of a redrive of the dead-letter queue `messages`."
  value       = module.queue.queue_arn
}

output "queue_function_name" {
  description = "Name of the function that reads the event stream."
  value       = module.sends.function_name
}

output "workgroup_name" {
  description = "Athena workgroup of the index."
  value       = module.workgroup.workgroup_name
}
