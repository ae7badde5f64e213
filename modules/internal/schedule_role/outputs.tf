output "role_arn" {
  description = "ARN to give as the target's role."
  value       = aws_iam_role.this.arn

  # Scheduler tries out the role when it takes it.
  depends_on = [aws_iam_role_policy.this]
}
