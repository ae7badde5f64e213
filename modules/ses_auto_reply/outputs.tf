output "dead_letter_queue_urls" {
  description = "Dead-letter queues: `replies` holds the mails whose reply failed three times, each with the event (requestPayload) and the error."
  value       = { replies = module.unanswered.queue_url }
}

output "function_name" {
  description = "Function that answers; a mail is answered again by invoking it with SES's event."
  value       = module.function.function_name
}

output "reply_address" {
  description = "Address that replies come from: from_address, or the only address in recipients. Null where it is the one that each mail was written to."
  value       = var.from_address != null ? var.from_address : length(var.recipients) == 1 ? one(local.mailboxes) : null
}

output "rule_name" {
  description = "Name of the receipt rule, for the `after` of the next one."
  value       = aws_ses_receipt_rule.this.name
}

output "rule_set_name" {
  description = "Receipt rule set that the rule is in."
  value       = aws_ses_receipt_rule.this.rule_set_name
}

output "answered_table_name" {
  description = "Table of who was answered lately, by a hash of the address."
  value       = aws_dynamodb_table.answered.name
}
