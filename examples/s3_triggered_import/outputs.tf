output "api_url" {
  description = "Address of the Pinpoint-compatible API."
  value       = module.hub.api_url
}

output "dead_letter_queue_urls" {
  description = "Queues of what went wrong."
  value       = module.import.dead_letter_queue_urls
}

output "import_bucket" {
  description = "Bucket to drop files into."
  value       = module.import.import_bucket_name
}

output "import_prefix" {
  description = "Key prefix to drop files under."
  value       = module.import.import_prefix
}

output "notification_topic_arn" {
  description = "Topic of the notifications."
  value       = module.import.topic_arn
}

output "project_id" {
  description = "Project that files are imported into."
  value       = module.hub.project_id
}

output "state_machine_arn" {
  description = "State machine of an import."
  value       = module.import.state_machine_arn
}
