output "campaign_hook" {
  description = "Hook of a campaign that gets attributes: the member Hook of WriteCampaignRequest, or CampaignHook of a project's settings."
  value       = local.campaign_hook

  # The settings are an environment variable; Lambda limits all of them together to 4 KB.
  precondition {
    condition     = 3 * length(base64encode(local.settings)) / 4 <= 3800
    error_message = "attributes, allowed and attribute_source must fit into 3,800 bytes together: they are an environment variable of the function, which Lambda limits to 4 KB. Use fewer or shorter names, defaults and ids, or a second copy of the module."
  }

  depends_on = [module.permission]
}

output "function_arn" {
  description = "ARN of the function that campaigns call."
  value       = module.function.function_arn
}

output "function_name" {
  description = "Name of the function that campaigns call."
  value       = module.function.function_name
}

output "table_arn" {
  description = "ARN of the table that the module created, for the policy of the program that writes to it; null for another source."
  value       = one(aws_dynamodb_table.this[*].arn)
}

output "table_name" {
  description = "Name of the table that the module created; null for another source."
  value       = one(aws_dynamodb_table.this[*].name)
}
