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

variable "cache_days" {
  description = "Days for which a number's verdict is used again instead of paying for another. 0 asks every time."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.cache_days >= 0 && var.cache_days <= 3650 && floor(var.cache_days) == var.cache_days
    error_message = "cache_days must be a whole number from 0 to 3650; 0 turns the cache off."
  }
}

variable "default_country" {
  description = "Country (ISO 3166 alpha-2) of numbers that carry no country code, on endpoints without Location.Country. Null counts such numbers as invalid."
  type        = string
  default     = null

  validation {
    condition     = var.default_country == null || can(regex("^[A-Z]{2}$", var.default_country))
    error_message = "default_country must be two capital letters, such as US. Use null to guess no country."
  }
}

variable "force_destroy" {
  description = "Whether destroying the module also deletes the files in its working bucket."
  type        = bool
  default     = false
  nullable    = false
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
  description = "Path of the zip that holds the code. Null is dist/phone_number_validate.zip of this release."
  type        = string
  default     = null
}

variable "recheck_after_seconds" {
  description = "Age of the export from which every endpoint is read again before it is marked, so that one deleted or changed meanwhile is left alone. 0 always reads; that costs a call per endpoint."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.recheck_after_seconds >= 0 && floor(var.recheck_after_seconds) == var.recheck_after_seconds
    error_message = "recheck_after_seconds must be a whole number, 0 or more."
  }
}

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "timeout_minutes" {
  description = "How long the export may take before the run ends in a failure notification."
  type        = number
  default     = 120
  nullable    = false

  validation {
    condition     = var.timeout_minutes >= 1 && var.timeout_minutes <= 1440 && floor(var.timeout_minutes) == var.timeout_minutes
    error_message = "timeout_minutes must be a whole number from 1 to 1440."
  }
}

variable "validations_per_second" {
  description = "Rate of PhoneNumberValidate calls, kept by all runs of this module together. AWS allows an account 20 a second unless the quota was raised."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition     = var.validations_per_second >= 1 && var.validations_per_second <= 1000
    error_message = "validations_per_second must be from 1 to 1000: the quota of your account."
  }
}
