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

variable "alarm" {
  description = "Who hears of trouble: the SNS topic that alarms notify. Null keeps the alarms but notifies nobody."
  type = object({
    topic_arn = string
  })
  default = null
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

variable "package_path" {
  description = "Path of the zip that holds the code. Null is dist/campaign_create.zip of this release."
  type        = string
  default     = null
}

variable "sms" {
  description = "What SMS campaigns use where their input leaves it out: the message type (TRANSACTIONAL or PROMOTIONAL), and the origination identity and sender id, null for the project's own."
  type = object({
    message_type         = optional(string, "TRANSACTIONAL")
    origination_identity = optional(string)
    sender_id            = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["TRANSACTIONAL", "PROMOTIONAL"], var.sms.message_type)
    error_message = "sms.message_type must be TRANSACTIONAL or PROMOTIONAL."
  }
}

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "timeout_minutes" {
  description = "How long a campaign's first run, from its start, may take before the run ends in a failure notification."
  type        = number
  default     = 360
  nullable    = false

  validation {
    condition     = var.timeout_minutes >= 1 && var.timeout_minutes <= 1440 && floor(var.timeout_minutes) == var.timeout_minutes
    error_message = "timeout_minutes must be a whole number from 1 to 1440."
  }
}
