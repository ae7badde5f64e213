output "api_url" {
  description = "Address of the Pinpoint-compatible API."
  value       = module.hub.api_url
}

output "dead_letter_queue_urls" {
  description = "Dead-letter queues by stage; each is empty in normal operation."
  value = merge(
    { for queue, url in module.import.dead_letter_queue_urls : "import-${queue}" => url },
    { for queue, url in module.chain.dead_letter_queue_urls : "chain-${queue}" => url },
    { for queue, url in module.hub.dead_letter_queue_urls : "hub-${queue}" => url },
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

output "notification_topic_arns" {
  description = "Topics of the notifications, by stage: import, validate, campaign."
  value = {
    campaign = module.campaign.topic_arn
    import   = module.import.topic_arn
    validate = module.validate.topic_arn
  }
}

output "project_id" {
  description = "Project of the people and campaigns."
  value       = module.hub.project_id
}

output "sms_template_name" {
  description = "SMS template that every campaign sends."
  value       = local.template_name
}

output "state_machine_arns" {
  description = "State machines, by stage: import, validate, campaign."
  value = {
    campaign = module.campaign.state_machine_arn
    import   = module.import.state_machine_arn
    validate = module.validate.state_machine_arn
  }
}
