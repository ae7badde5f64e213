output "bucket_name" {
  description = "Name of the bucket of contents. Null for a CMS or a function."
  value       = local.bucket
}

output "campaign_hook" {
  description = "Hook of a campaign (its member Hook) or of the project (CampaignHook of its settings): the function, in mode FILTER."
  value = {
    LambdaFunctionName = module.hook.function_arn
    Mode               = "FILTER"
  }

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
