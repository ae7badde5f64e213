variable "name" {
  description = "Prefix of every AWS name, unique among the modules of an account and region. Two copies with two names fit in one account."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,24}[a-z0-9])?$", var.name))
    error_message = "name must be 1-26 lower-case letters, digits or hyphens, start with a letter and end with a letter or digit: the names of buckets, roles and databases start with it. Choose such a name."
  }
}

variable "pinpoint" {
  description = "Pinpoint-compatible project: the `pinpoint` output of an engagement_hub, or { project_id = … } alone for a project that Amazon Pinpoint hosts."
  type = object({
    project_id = string
    api        = optional(object({ url = string, execution_arn = string }))
  })
}

variable "alarm" {
  description = "SNS topic that CloudWatch alarms notify. `detailed` adds alarms on single functions, throttling and failed notifications; the default alarms are for failures that need a person. Null creates the alarms without a notification."
  type = object({
    topic_arn = string
    detailed  = optional(bool, false)
  })
  default = null
}

variable "cache_days" {
  description = "Days for which the verdict on a number is used again instead of a new, billed validation. 0 validates every time."
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
    error_message = "default_country must be two capital letters, such as US. Use null to count numbers without a country code as invalid."
  }
}

variable "force_destroy" {
  description = "Whether destroying the module also deletes the files in its working bucket."
  type        = bool
  default     = false
  nullable    = false
}

variable "kms_key" {
  description = "Customer managed KMS key for data at rest: the `kms_key` output of encryption_key, or a key whose policy has the same statements. Null uses keys that AWS owns or manages."
  type = object({
    arn = string
  })
  default = null
}

variable "log_retention_days" {
  description = "Days that CloudWatch Logs keeps the logs. Logs hold ids and outcomes, never an address, a number or a body."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition = contains(
      [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
      var.log_retention_days
    )
    error_message = "log_retention_days must be a period that CloudWatch Logs offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "packages" {
  description = "Lambda packages. `directory` is a folder of zips, which the module uploads to its own bucket; null is dist/ of this release. `s3` is the bucket and the key prefix of zips that are already uploaded. A new release needs a new prefix, because Lambda reads a key once."
  type = object({
    directory = optional(string)
    s3 = optional(object({
      bucket = string
      prefix = optional(string, "")
    }))
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.packages.s3 == null || var.packages.directory == null
    error_message = "packages.directory and packages.s3 must not both be given: the zips come from a folder or from S3. Leave out directory or s3."
  }

  validation {
    condition     = var.packages.s3 == null || try(var.packages.s3.prefix == "" || endswith(var.packages.s3.prefix, "/"), false)
    error_message = "packages.s3.prefix must be empty or end with a slash, because the name of the zip follows it: use `engagement/v0.1.0/`."
  }
}

variable "recheck_after_seconds" {
  description = "Seconds of paid validations from which a run exports the segment a second time before it marks endpoints, so that an endpoint that was deleted or changed since the first export is left unchanged. 0 always exports twice."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.recheck_after_seconds >= 0 && floor(var.recheck_after_seconds) == var.recheck_after_seconds
    error_message = "recheck_after_seconds must be a whole number, 0 or more."
  }
}

variable "subscriptions" {
  description = "Subscriptions of the notification topic: any key => the protocol (email, https or sqs) and the endpoint (address, URL or queue ARN). `notification_types` selects among success and failure; empty selects both. An email address and a URL must confirm the subscription; a queue needs a policy that lets the topic send."
  type = map(object({
    protocol           = string
    endpoint           = string
    notification_types = optional(list(string), [])
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for subscription in values(var.subscriptions) : contains(["email", "https", "sqs"], subscription.protocol)])
    error_message = "subscriptions must have the protocol email, https or sqs. Other protocols subscribe to the output topic_arn."
  }

  validation {
    condition     = alltrue(flatten([for subscription in values(var.subscriptions) : [for type in subscription.notification_types : contains(["success", "failure"], type)]]))
    error_message = "subscriptions.notification_types must be among success and failure: the module publishes no other notification."
  }
}

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "timeout_minutes" {
  description = "Minutes that the export may take before the run ends in a failure notification."
  type        = number
  default     = 120
  nullable    = false

  validation {
    condition     = var.timeout_minutes >= 1 && var.timeout_minutes <= 1440 && floor(var.timeout_minutes) == var.timeout_minutes
    error_message = "timeout_minutes must be a whole number from 1 to 1440."
  }
}

variable "validations_per_second" {
  description = "Rate of PhoneNumberValidate calls of all runs of this module together. The default quota of an account is 20 a second."
  type        = number
  default     = 20
  nullable    = false

  validation {
    condition     = var.validations_per_second >= 1 && var.validations_per_second <= 1000
    error_message = "validations_per_second must be from 1 to 1000: the quota of your account."
  }
}
