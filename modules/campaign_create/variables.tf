variable "name" {
  description = "Prefix of every AWS name; two copies with two names fit in one account."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,24}[a-z0-9])?$", var.name))
    error_message = "name must be 1-26 lower-case letters, digits or hyphens, start with a letter and end with a letter or digit: the names of buckets, roles and databases start with it. Choose such a name."
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
  description = "SNS topic for alarm notifications. `detailed` adds alarms for single functions, throttling and notifications to those that mean that a person must act. Null makes the alarms without a notification."
  type = object({
    topic_arn = string
    detailed  = optional(bool, false)
  })
  default = null
}

variable "kms_key" {
  description = "Customer managed KMS key for data at rest; its key policy must allow the services in use. Null uses keys that AWS owns or manages."
  type = object({
    arn = string
  })
  default = null
}

variable "log_retention_days" {
  description = "Days that CloudWatch Logs keeps the logs. They hold ids and outcomes, never an address, a number or a body."
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
  description = "Lambda packages. `directory` is a folder of zips, which the module uploads to a bucket of its own; null is dist/ of this release. `s3` names a bucket and a key prefix that hold the zips already; a new release needs a new prefix, because Lambda reads a key once."
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
    error_message = "packages.directory and packages.s3 must not both be given: the zips come from the one or the other. Leave one out."
  }
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

variable "subscriptions" {
  description = "Subscriptions of the notification topic: any key => the protocol (email, https or sqs) and the endpoint (address, URL or queue ARN). `notification_types` narrows them to some of success and failure; empty is all. An email address and a URL have to confirm first; a queue needs a policy that lets the topic send."
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
  description = "How long a campaign's first run, from its start, may take before the run ends in a failure notification."
  type        = number
  default     = 360
  nullable    = false

  validation {
    condition     = var.timeout_minutes >= 1 && var.timeout_minutes <= 1440 && floor(var.timeout_minutes) == var.timeout_minutes
    error_message = "timeout_minutes must be a whole number from 1 to 1440."
  }
}
