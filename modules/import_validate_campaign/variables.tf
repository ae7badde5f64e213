variable "name" {
  description = "Prefix of every name the module gives; two copies with two names fit in one account."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{0,29}$", var.name))
    error_message = "name must be 1-30 lower-case letters, digits and hyphens: bucket and role names are built from it. Shorten it."
  }
}

variable "pinpoint" {
  description = "The Pinpoint-compatible project to work on: the `pinpoint` output of an engagement_hub, or { project_id = … } alone for a project hosted by Amazon Pinpoint."
  type = object({
    project_id = string
    api        = optional(object({ url = string, execution_arn = string }))
  })
}

variable "sms_template_name" {
  description = "SMS template that every campaign sends."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$", var.sms_template_name))
    error_message = "sms_template_name must be 1-128 letters, digits, underscores and hyphens, starting with a letter or digit, as template names are."
  }
}

variable "state_machine_arns" {
  description = "State machines to start: `state_machine_arn` of phone_number_validate and of campaign_create."
  type = object({
    campaign = string
    validate = string
  })
}

variable "topic_arns" {
  description = "Topics to listen to: `topic_arn` of s3_triggered_import and of phone_number_validate."
  type = object({
    import   = string
    validate = string
  })
}

variable "alarm" {
  description = "Who hears of trouble: the SNS topic that alarms notify. Null keeps the alarms but notifies nobody."
  type = object({
    topic_arn = string
  })
  default = null
}

variable "delay_minutes" {
  description = "Minutes between a successful validation and the campaign: time to stop it by hand. 0 sends at once."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.delay_minutes >= 0 && floor(var.delay_minutes) == var.delay_minutes
    error_message = "delay_minutes must be a whole number, 0 or more."
  }
}

variable "kms_key_arn" {
  description = "Customer managed KMS key for data at rest; its key policy must allow the services in use. Null uses keys that AWS owns or manages."
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "Days that logs are kept: one of the periods CloudWatch Logs offers, such as 7, 30 or 365."
  type        = number
  default     = 30
  nullable    = false
}

variable "max_recipients" {
  description = "Largest number of valid phone numbers that a file may lead to a campaign for; more end in a failure notification of campaign_create, and nothing is sent. Null allows any."
  type        = number
  default     = null

  validation {
    condition     = var.max_recipients == null || try(var.max_recipients >= 0 && floor(var.max_recipients) == var.max_recipients, false)
    error_message = "max_recipients must be a whole number, 0 or more. Use null for no limit."
  }
}

variable "package_path" {
  description = "Path of the zip that holds the code. Null is dist/import_validate_campaign.zip of this release."
  type        = string
  default     = null
}

variable "phone_types" {
  description = "Phone types that count as able to receive SMS, in the words of PhoneNumberValidate."
  type        = list(string)
  default     = ["MOBILE", "PREPAID", "VOIP"]
  nullable    = false

  validation {
    condition     = length(var.phone_types) > 0 && length(setsubtract(var.phone_types, ["MOBILE", "PREPAID", "VOIP", "LANDLINE", "OTHER"])) == 0
    error_message = "phone_types must name at least one of MOBILE, PREPAID, VOIP, LANDLINE and OTHER; INVALID numbers never get a message."
  }
}

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "templates_by_file_prefix" {
  description = "SMS templates for files whose name starts with a key, such as { \"spring-\" = \"spring-sale\" }; the longest key counts. Other files get sms_template_name."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in values(var.templates_by_file_prefix) : can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$", name))])
    error_message = "templates_by_file_prefix must map to template names: 1-128 letters, digits, underscores and hyphens, starting with a letter or digit."
  }
}
