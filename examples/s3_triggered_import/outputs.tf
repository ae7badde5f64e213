output "api_url" {
  description = "Address of the Pinpoint-compatible API."
  value       = module.hub.api_url
}

output "contacts_bucket" {
  description = "Bucket to drop exports of the CRM into."
  value       = module.contacts.import_bucket_name
}

output "contacts_prefix" {
  description = "Key prefix to drop exports of the CRM under."
  value       = module.contacts.import_prefix
}

output "contacts_topic_arn" {
  description = "Topic of the notifications about exports of the CRM."
  value       = module.contacts.topic_arn
}

output "dead_letter_queue_urls" {
  description = "Dead-letter queues by path; each is empty in normal operation."
  value = merge(
    module.import.dead_letter_queue_urls,
    { for queue, url in module.contacts.dead_letter_queue_urls : "contacts-${queue}" => url },
  )
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
