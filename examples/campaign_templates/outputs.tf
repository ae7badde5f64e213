output "api_url" {
  description = "Address of the Pinpoint-compatible API."
  value       = module.hub.api_url
}

output "bucket_name" {
  description = "Bucket of the contents."
  value       = module.templates.bucket_name
}

output "campaign_hook" {
  description = "Member Hook of a campaign whose recipients get their content from the bucket."
  value       = module.templates.campaign_hook
}

output "function_name" {
  description = "Function that gives recipients their content."
  value       = module.templates.function_name
}

output "project_id" {
  description = "Project of the campaigns."
  value       = module.hub.project_id
}

output "published_template_prefix" {
  description = "First part of the names of published templates; <template>-<locale> follows."
  value       = module.templates.published_template_prefix
}

output "segment_id" {
  description = "Segment of everyone with an email address."
  value       = module.shell.results.Segment["everyone"].Id
}

output "template_name" {
  description = "Template that campaigns name: the shell round each recipient's content."
  value       = "${var.name}-shell"

  depends_on = [module.shell]
}
