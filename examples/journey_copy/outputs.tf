output "applied_copy" {
  description = "Copy that the last apply made: counts, ids of the copies, and the report."
  value       = module.journeys.applied_copy
}

output "bucket_name" {
  description = "Bucket of the reports."
  value       = module.journeys.bucket_name
}

output "email_template_name" {
  description = "Email template of staging."
  value       = "${var.name}-welcome"

  # The template is there once its function says so.
  depends_on = [module.staging_resources]
}

output "mapping_table_name" {
  description = "Table that maps journeys, segments and template versions to their copies."
  value       = module.journeys.mapping_table_name
}

output "notification_topic_arn" {
  description = "Topic of the notifications."
  value       = module.journeys.topic_arn
}

output "production" {
  description = "Project and API of production."
  value       = module.production.pinpoint
}

output "segment_id" {
  description = "Segment of new customers in staging."
  value       = module.staging_resources.results.Segment.new_customers.Id
}

output "sms_template_name" {
  description = "SMS template of staging."
  value       = "${var.name}-reminder"

  depends_on = [module.staging_resources]
}

output "staging" {
  description = "Project and API of staging."
  value       = module.staging.pinpoint
}

output "state_machine_arn" {
  description = "State machine that copies journeys: start it with {\"JourneyIds\": […]} or {\"All\": true}."
  value       = module.journeys.state_machine_arn
}
