output "function_arn" {
  description = "ARN of the function, without a version."
  value       = aws_lambda_function.this.arn

  # A caller that invokes the function immediately (aws_lambda_invocation, a state machine) needs its permissions.
  depends_on = [aws_iam_role_policy.given, aws_iam_role_policy.logs_and_traces, aws_iam_role_policy_attachment.managed]
}

output "function_name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name

  depends_on = [aws_iam_role_policy.given, aws_iam_role_policy.logs_and_traces, aws_iam_role_policy_attachment.managed]
}

output "log_group_name" {
  description = "Name of the log group of the function."
  value       = aws_cloudwatch_log_group.this.name
}

output "role_arn" {
  description = "ARN of the execution role, for resource policies and trust policies elsewhere."
  value       = aws_iam_role.this.arn
}

output "role_name" {
  description = "Name of the execution role."
  value       = aws_iam_role.this.name
}
