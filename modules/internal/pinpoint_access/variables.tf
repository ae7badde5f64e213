variable "api_operations" {
  description = "Names of the Pinpoint operations to allow, as boto3 and IAM spell them: `CreateImportJob`, `GetImportJob`, …"
  type        = list(string)

  validation {
    condition     = length(var.api_operations) > 0
    error_message = "api_operations must name at least one Pinpoint operation: a policy without statements is invalid. Leave the block out where no operation is called."
  }

  validation {
    condition     = length(setsubtract(var.api_operations, keys(local.operations))) == 0
    error_message = "api_operations must be names of Pinpoint operations. Unknown names: ${join(", ", setsubtract(var.api_operations, keys(local.operations)))}. Spell them as in operations.json of this module."
  }
}

variable "location" {
  description = "Account and region of a project that Amazon Pinpoint hosts. A null account or region is the provider's. The policy for a hub needs neither."
  type = object({
    account_id = optional(string)
    region     = optional(string)
  })
  default  = {}
  nullable = false
}

variable "pinpoint" {
  description = "Pinpoint-compatible project: the `pinpoint` output of an engagement_hub, or { project_id = … } alone for a project that Amazon Pinpoint hosts. Operations without a project, such as CreateApp, need no project_id."
  type = object({
    project_id = optional(string)
    api        = optional(object({ url = string, execution_arn = string }))
  })
}
