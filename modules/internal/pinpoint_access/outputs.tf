output "environment" {
  description = "Environment variables of shared.pinpoint for the same host as the policy: PINPOINT_API_URL for a hub, no variable for Amazon Pinpoint."
  value       = var.pinpoint.api == null ? {} : { PINPOINT_API_URL = var.pinpoint.api.url }
}

output "policy_json" {
  description = "IAM policy document (JSON) that allows only these operations, on this project."
  value       = data.aws_iam_policy_document.this.json
}
