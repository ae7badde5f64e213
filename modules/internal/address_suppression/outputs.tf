output "address_table_arn" {
  description = "ARN of the address table."
  value       = local.address_table.arn
}

output "address_table_name" {
  description = "Name of the address table."
  value       = local.address_table.name
}

output "environment" {
  description = "Environment variables that shared.suppression reads."
  value       = local.environment
}

output "event_pattern" {
  description = "Pattern (JSON) for a rule that hears of every suppressed address."
  value = jsonencode({
    source      = [var.event_source]
    detail-type = ["Address Suppressed"]
  })
}

output "policy_json" {
  description = "What the function may do: put addresses on SES's suppression list, send the events, use the tables."
  value       = data.aws_iam_policy_document.suppress.json
}
