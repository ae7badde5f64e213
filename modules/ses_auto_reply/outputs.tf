output "dead_letter_queue_urls" {
  description = "Dead-letter queues: `replies` holds a message for each email whose reply failed three times, with the event (requestPayload) and the error."
  value       = { replies = module.unanswered.queue_url }
}

output "function_name" {
  description = "Name of the function that replies. To reply to an email again, invoke it with SES's event."
  value       = module.function.function_name
}

output "reply_address" {
  description = "From address of the replies: from_address, or the only address in recipients. Null if it differs by email."
  value       = var.from_address != null ? var.from_address : length(var.recipients) == 1 ? one(local.mailboxes) : null
}

output "rule_name" {
  description = "Name of the receipt rule, for the `after` of the next rule."
  value       = aws_ses_receipt_rule.this.name
}

output "rule_set_name" {
  description = "Name of the receipt rule set of the rule."
  value       = aws_ses_receipt_rule.this.rule_set_name
}

output "answered_table_name" {
  description = "Name of the table of senders who got a reply within the window, by a hash of the address."
  value       = aws_dynamodb_table.answered.name
}
