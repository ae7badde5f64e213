output "bucket_name" {
  description = "Name of the bucket of contents. Null for a CMS or a function."
  value       = local.bucket

  # A content that is written before the rule would not be published.
  depends_on = [module.bucket, aws_cloudwatch_event_target.changed]
}

output "campaign_hook" {
  description = "Hook of a campaign (its member Hook) or of the project (CampaignHook of its settings): the function, in mode FILTER."
  value       = local.campaign_hook

  depends_on = [module.campaign_permission]
}

output "function_name" {
  description = "Name of the function that gives recipients their content."
  value       = module.hook.function_name
}

output "shell" {
  description = "Members of an EmailTemplateRequest whose parts are the content of each recipient."
  value = {
    Subject  = "{{Attributes.subject}}"
    HtmlPart = "<html>{{Attributes.html}}</html>"
    TextPart = "{{Attributes.text}}"
  }
}

output "dead_letter_queue_urls" {
  description = "Dead-letter queues of the publication: `contents` for contents that cannot be published, `undelivered` for events that EventBridge could not deliver. Null without publish."
  value = var.publish == null ? null : {
    contents    = one(values(module.changed)[*].dead_letter_queue_url)
    undelivered = one(values(module.undelivered)[*].queue_url)
  }
}

output "publish_function_name" {
  description = "Name of the function that publishes contents as templates of the project. Null without publish."
  value       = one(values(module.publisher)[*].function_name)
}

output "published_template_prefix" {
  description = "First part of the names of published templates; <template>-<locale> follows. Null without publish."
  value       = var.publish == null ? null : "${var.name}-"

  depends_on = [aws_lambda_event_source_mapping.changed]
}
