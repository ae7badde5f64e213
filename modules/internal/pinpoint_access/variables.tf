variable "api_operations" {
  description = "Names of the Pinpoint operations to allow, as boto3 and IAM spell them: `CreateImportJob`, `GetImportJob`, …"
  type        = list(string)

  validation {
    condition     = length(var.api_operations) > 0
    error_message = "api_operations must name at least one Pinpoint operation: a policy without statements is invalid. Leave the block out where nothing is called."
  }

  validation {
    condition     = length(setsubtract(var.api_operations, keys(local.operations))) == 0
    error_message = "api_operations has names that Pinpoint does not know: ${join(", ", setsubtract(var.api_operations, keys(local.operations)))}. Spell them as in operations.json of this module."
  }
}

variable "pinpoint" {
  description = "The Pinpoint-compatible project to work on: the `pinpoint` output of an engagement_hub, or { project_id = … } alone for a project hosted by Amazon Pinpoint. Operations on no project, such as CreateApp, need no project_id."
  type = object({
    project_id = optional(string)
    api        = optional(object({ url = string, execution_arn = string }))
  })
}
