output "kms_key" {
  description = "Customer managed KMS key of the state machine, which a caller of StartExecution needs (kms:Decrypt, kms:GenerateDataKey). Null without one."
  value       = var.kms_key
}

output "state_machine_arn" {
  description = "ARN of the state machine that creates a campaign. Its input is {\"SegmentId\", \"SegmentName\", \"SmsTemplateName\", …}."
  value       = module.state_machine.state_machine_arn
}

output "topic_arn" {
  description = "ARN of the notification topic. The attribute notification_type of a notification is success or failure."
  value       = module.topic.topic_arn
}
