output "pass_policies" {
  description = "IAM policy documents (JSON) of a function that names the role in a request, by policy name: iam:PassRole for Amazon Pinpoint; empty for a hub, which assumes the role."
  value       = var.pinpoint.api == null ? { pass-role = data.aws_iam_policy_document.pass.json } : {}
}

output "role_arn" {
  description = "ARN of the role, for RoleArn in a request."
  value       = aws_iam_role.this.arn

  depends_on = [aws_iam_role_policy.this]
}
