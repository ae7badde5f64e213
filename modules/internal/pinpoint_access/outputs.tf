output "environment" {
  description = "Environment variables that point shared.pinpoint at the same side as the policy: PINPOINT_API_URL for a hub, nothing for Amazon Pinpoint."
  value       = var.pinpoint.api == null ? {} : { PINPOINT_API_URL = var.pinpoint.api.url }
}

output "policy_json" {
  description = "IAM policy document that allows exactly the operations, on exactly this project."
  value       = data.aws_iam_policy_document.this.json
}
