output "pass_policies" {
  description = "What a function needs to name the role in a request, by policy name: the right to pass it to Amazon Pinpoint, and nothing for a hub, which assumes it."
  value       = var.pinpoint.api == null ? { pass-role = data.aws_iam_policy_document.pass.json } : {}
}

output "role_arn" {
  description = "ARN to give as RoleArn."
  value       = aws_iam_role.this.arn

  depends_on = [aws_iam_role_policy.this]
}
