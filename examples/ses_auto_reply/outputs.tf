output "dead_letter_queue_url" {
  description = "Dead-letter queue of the mails to help@… whose reply failed permanently."
  value       = module.help.dead_letter_queue_urls.replies
}

output "dead_letter_queue_name" {
  description = "Name of that queue; its alarm is called `<name>-not-empty`."
  value       = reverse(split("/", module.help.dead_letter_queue_urls.replies))[0]
}

output "dkim_records" {
  description = "CNAME records that verify the domain and sign its mail."
  value = {
    for token in aws_sesv2_email_identity.domain.dkim_signing_attributes[0].tokens :
    "${token}._domainkey.${var.domain}" => "${token}.dkim.amazonses.com"
  }
}

output "mx_record" {
  description = "MX record that brings the domain's mail to SES."
  value       = "10 inbound-smtp.${var.region}.amazonaws.com"
}

output "reply_address" {
  description = "Mailbox that answers by the SES template; its replies come from there."
  value       = module.help.reply_address
}

output "reply_function_name" {
  description = "Function that answers mail to reply_address."
  value       = module.help.function_name
}

output "orders_reply_address" {
  description = "Mailbox that answers by the hub's template."
  value       = module.orders.reply_address
}

output "orders_reply_function_name" {
  description = "Function that answers mail to orders_reply_address."
  value       = module.orders.function_name
}

output "support_address" {
  description = "Second mailbox of the same rule; its answers come from reply_address."
  value       = "support@${var.domain}"
}

output "table_name" {
  description = "Table of who was answered lately."
  value       = module.help.answered_table_name
}
