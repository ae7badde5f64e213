output "import_bucket_name" {
  description = "Name of the bucket that files are dropped into."
  value       = local.bucket
}

output "dead_letter_queue_urls" {
  description = "Queues of what went wrong: `trigger` for files whose import did not start, `events` for events that did not arrive."
  value = {
    events  = module.undelivered.queue_url
    trigger = module.queue.dead_letter_queue_url
  }
}

output "import_prefix" {
  description = "Key prefix that files are dropped under."
  value       = var.prefix
}

output "state_machine_arn" {
  description = "State machine of an import. Its input is {\"S3URL\": \"s3://bucket/key\"}."
  value       = module.state_machine.state_machine_arn
}

output "topic_arn" {
  description = "Topic of the notifications: attribute notification_type is started, success or failure."
  value       = module.topic.topic_arn
}
