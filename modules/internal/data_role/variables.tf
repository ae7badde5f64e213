variable "description" {
  description = "Description of the IAM role."
  type        = string
}

variable "name" {
  description = "Name of the role."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.name))
    error_message = "name must be 1-64 letters, digits, hyphens or underscores: IAM allows no more. Shorten it."
  }
}

variable "pinpoint" {
  description = "Pinpoint-compatible project: the `pinpoint` output of an engagement_hub, or { project_id = … } alone for a project that Amazon Pinpoint hosts."
  type = object({
    project_id = string
    api        = optional(object({ url = string, execution_arn = string }))
  })
}

variable "policy_json" {
  description = "IAM policy document (JSON) of the role, for the data."
  type        = string
}

variable "operations" {
  description = "Operations settings of the module, passed on unchanged: alarm notifications, the customer managed KMS key, log retention, tags."
  type = object({
    alarm              = optional(object({ topic_arn = string, detailed = optional(bool, false) }))
    kms_key            = optional(object({ arn = string }))
    log_retention_days = optional(number, 30)
    tags               = optional(map(string), {})
  })
  default  = {}
  nullable = false
}
