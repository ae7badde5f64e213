output "dead_letter_queue_urls" {
  description = "Dead-letter queues: `send` for permits to send a chunk that failed five times, `trigger` for files whose run did not start, `events` for events that did not reach the queue."
  value = {
    events  = module.undelivered.queue_url
    send    = module.unsent.queue_url
    trigger = module.queue.dead_letter_queue_url
  }
}

output "drop_bucket_name" {
  description = "Name of the bucket of the files to send."
  value       = local.bucket
}

output "drop_prefix" {
  description = "Key prefix of the files to send."
  value       = var.prefix
}

output "kms_key" {
  description = "Customer managed KMS key of the state machine, which a caller of StartExecution needs (kms:Decrypt, kms:GenerateDataKey). Null without one."
  value       = var.kms_key
}

output "permit_queue_urls" {
  description = "Queues of permits to send, by the key of the origination identity."
  value       = { for key, queue in aws_sqs_queue.permits : key => queue.url }
}

output "state_machine_arn" {
  description = "ARN of the state machine of a run. Its input is {\"Bucket\": …, \"Key\": …, \"VersionId\": …}."
  value       = module.state_machine.state_machine_arn
}

output "state_table_name" {
  description = "Name of the table of claims, outcomes, turns and rates."
  value       = aws_dynamodb_table.state.name
}

output "status_policy_json" {
  description = "IAM policy of the command `python -m sms_s3_drop.status`."
  value       = data.aws_iam_policy_document.status.json
}

output "stop_policy_json" {
  description = "IAM policy of the command `python -m sms_s3_drop.status stop`."
  value       = data.aws_iam_policy_document.stop.json
}

output "topic_arn" {
  description = "ARN of the notification topic. The attribute notification_type of a notification is started, success or failure."
  value       = module.topic.topic_arn
}

output "work_bucket_name" {
  description = "Name of the bucket of status objects and result files: runs/<run>/status.json and runs/<run>/result.csv."
  value       = module.work_bucket.bucket_name
}
