output "athena_workgroup" {
  description = "Name of the Athena workgroup of the runs, which has the scan limit and the history of queries."
  value       = module.workgroup.workgroup_name
}

output "dead_letter_queue_urls" {
  description = "Dead-letter queues: `schedules` for times whose run did not start; empty without schedules."
  value       = { for key, queue in module.undelivered : "schedules" => queue.queue_url }
}

output "results_bucket_name" {
  description = "Name of the bucket of query results (results/) and of the copies that imports read (imports/)."
  value       = module.workgroup.results_bucket_name
}

output "state_machine_arn" {
  description = "ARN of the state machine of a run. Its input is {\"Query\": \"SELECT …\", \"Type\": \"direct\", \"SegmentName\": \"…\"} or {\"Query\": \"SELECT …\", \"Type\": \"mutate\"}."
  value       = module.state_machine.state_machine_arn
}

output "topic_arn" {
  description = "ARN of the notification topic. The attribute notification_type of a notification is success or failure."
  value       = module.topic.topic_arn
}
