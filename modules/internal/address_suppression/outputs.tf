output "address_table_arn" {
  description = "ARN of the address table."
  value       = local.address_table.arn
}

output "address_table_name" {
  description = "Name of the address table."
  value       = local.address_table.name
}

output "environment" {
  description = "Environment variables for shared.suppression."
  value       = local.environment
}

output "event_pattern" {
  description = "Event pattern (JSON) of an EventBridge rule for every suppressed address."
  value = jsonencode({
    source      = [var.event_source]
    detail-type = ["Address Suppressed"]
  })
}

output "policy_json" {
  description = "IAM policy document (JSON) of the function: it puts addresses on SES's suppression list, sends the events and uses the tables."
  value       = data.aws_iam_policy_document.suppress.json
}
