output "address_tables" {
  description = "Tables of addresses that bounced or complained: `direct` for emails that programs send through SES, `project` for messages of the project."
  value = {
    direct  = module.suppression.address_table_name
    project = module.project_suppression.address_table_name
  }
}

output "api_urls" {
  description = "Addresses of the APIs: `hub` is Pinpoint-compatible, `queue` takes emails to send."
  value       = { hub = module.hub.api_url, queue = module.sending.api_url }
}

output "configuration_sets" {
  description = "Configuration sets to name when sending: of SES, and `texts` of End User Messaging SMS."
  value = {
    direct = module.suppression.configuration_set_name
    queue  = module.email_database.configuration_set_name
    texts  = module.sms_database.configuration_set_name
  }
}

output "databases" {
  description = "Event databases: of the project, of emails and of texts."
  value = {
    for name, database in { email = module.email_database, project = module.project_database, sms = module.sms_database } :
    name => {
      athena_database  = database.athena_database
      athena_workgroup = database.athena_workgroup
      events_bucket    = database.events_bucket_name
      table_name       = database.table_name
    }
  }
}

output "dead_letter_queue_urls" {
  description = "Dead-letter queues by module; each is empty in normal operation."
  value = merge([
    for name, queues in {
      chain               = module.chain.dead_letter_queue_urls
      help                = module.auto_reply.dead_letter_queue_urls
      hub                 = module.hub.dead_letter_queue_urls
      import              = module.import.dead_letter_queue_urls
      project_suppression = module.project_suppression.dead_letter_queue_urls
      report              = module.vdm_export.dead_letter_queue_urls
      sending             = module.sending.dead_letter_queue_urls
      site                = try(module.site[0].dead_letter_queue_urls, {})
      suppression         = module.suppression.dead_letter_queue_urls
    } : { for queue, url in queues : "${name}-${queue}" => url }
  ]...)
}

output "email_template_name" {
  description = "SES template of the emails on the queue."
  value       = aws_ses_template.this["letter"].name
}

output "from_address" {
  description = "Address that email is sent from."
  value       = var.from_address
}

output "import_bucket" {
  description = "Bucket to drop files into."
  value       = module.import.import_bucket_name
}

output "import_prefix" {
  description = "Key prefix to drop files under."
  value       = module.import.import_prefix
}

output "kms_key_arn" {
  description = "ARN of the key."
  value       = module.encryption_key.kms_key.arn
}

output "project_id" {
  description = "Project of the people and campaigns."
  value       = module.hub.project_id
}

output "queue_url" {
  description = "Queue of emails to send."
  value       = module.sending.queue_url
}

output "report_schedule_name" {
  description = "Schedule of the monthly report of SES."
  value       = module.vdm_export.schedule_name
}

output "reply_address" {
  description = "Mailbox that answers."
  value       = module.auto_reply.reply_address
}

output "site" {
  description = "Bucket and domain name of the site; null outside us-east-1."
  value = one([
    for site in module.site : { bucket = site.bucket_name, domain = site.distribution_domain_name }
  ])
}

output "users_table" {
  description = "Table of the users whose data fills the emails on the queue."
  value       = module.sending.metadata_table_name
}
