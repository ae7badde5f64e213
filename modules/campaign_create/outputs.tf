output "state_machine_arn" {
  description = "State machine of a campaign. Its input is {\"SegmentId\", \"SegmentName\", \"SmsTemplateName\", …}."
  value       = module.state_machine.state_machine_arn
}

output "topic_arn" {
  description = "Topic of the notifications: attribute notification_type is success or failure."
  value       = module.topic.topic_arn
}
