output "role_arn" {
  description = "ARN of the role, for the target of a schedule."
  value       = aws_iam_role.this.arn

  # Scheduler checks the role when a schedule is created.
  depends_on = [aws_iam_role_policy.this]
}
