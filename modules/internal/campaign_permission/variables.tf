variable "campaign_role" {
  description = "Role that calls the function for an engagement_hub: its output campaign_role_arn. Null for a project that Amazon Pinpoint hosts."
  type = object({
    arn = string
  })
  default = null
}

variable "function_name" {
  description = "Name of the function that campaigns and journeys may call."
  type        = string
}

variable "pinpoint" {
  description = "Pinpoint-compatible project: the `pinpoint` output of an engagement_hub, or { project_id = … } alone for a project that Amazon Pinpoint hosts."
  type = object({
    project_id = string
    api        = optional(object({ url = string, execution_arn = string }))
  })
}
