output "import_bucket_name" {
  description = "Name of the bucket of the files to import."
  value       = local.bucket
}

output "dead_letter_queue_urls" {
  description = "Dead-letter queues: `trigger` for files whose import did not start, `events` for events that did not reach the queue."
  value = {
    events  = module.undelivered.queue_url
    trigger = module.queue.dead_letter_queue_url
  }
}

output "import_prefix" {
  description = "Key prefix of the files to import."
  value       = var.prefix
}

output "state_machine_arn" {
  description = "ARN of the state machine of an import. Its input is {\"S3URL\": \"s3://bucket/key\"}."
  value       = module.state_machine.state_machine_arn
}

output "topic_arn" {
  description = "ARN of the notification topic. The attribute notification_type of a notification is started, success or failure."
  value       = module.topic.topic_arn
}
