output "api_url" {
  description = "Address of the Pinpoint-compatible API."
  value       = module.hub.api_url
}

output "notification_topic_arn" {
  description = "Topic of the notifications."
  value       = module.campaign.topic_arn
}

output "project_id" {
  description = "Project that the campaigns are created in."
  value       = module.hub.project_id
}

output "sms_template_name" {
  description = "SMS template to name in the input."
  value       = "${var.name}-greeting"

  # The template is there once its function says so.
  depends_on = [module.resources]
}

output "state_machine_arn" {
  description = "State machine of a campaign: start it with {\"SegmentId\": …, \"SegmentName\": …, \"SmsTemplateName\": …}."
  value       = module.campaign.state_machine_arn
}
