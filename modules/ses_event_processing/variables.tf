variable "name" {
  description = "Prefix of every name the module gives; two copies with two names fit in one account."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,39}$", var.name))
    error_message = "name must be 1-40 lower-case letters, digits or hyphens, beginning with a letter: role names are built from it. Shorten it."
  }
}

variable "address_table" {
  description = "An existing DynamoDB table with the hash key `address` (a string) and no range key, and the KMS key it is encrypted with where that is customer managed. Other attributes of its items stay. Null makes a table."
  type = object({
    name        = string
    arn         = string
    kms_key_arn = optional(string)
  })
  default = null

  validation {
    condition     = var.address_table == null || try(can(regex("^arn:[^:]+:dynamodb:[^:]+:[0-9]{12}:table/[^/]+$", var.address_table.arn)), false)
    error_message = "address_table.arn must be the ARN of a DynamoDB table, such as arn:aws:dynamodb:eu-west-1:111122223333:table/people. Use null to have a table made."
  }
}

variable "alarm" {
  description = "Who hears of trouble: the SNS topic that alarms notify. Null keeps the alarms but notifies nobody."
  type = object({
    topic_arn = string
  })
  default = null
}

variable "configuration_set" {
  description = "Configuration set of SES whose bounces and complaints come here. `create` says whether the module makes it; false takes one that is there. Null for identities alone."
  type = object({
    name   = string
    create = optional(bool, true)
  })
  default = null

  validation {
    condition     = var.configuration_set == null || try(can(regex("^[A-Za-z0-9_-]{1,64}$", var.configuration_set.name)), false)
    error_message = "configuration_set.name must be 1-64 letters, digits, hyphens or underscores, not an ARN."
  }

  validation {
    condition     = var.configuration_set != null || var.identities != null
    error_message = "configuration_set and identities must not both be null: nothing would ever come here. Give one, or leave identities out."
  }
}

variable "event_bus_name" {
  description = "Event bus of this account and region that hears of every suppressed address."
  type        = string
  default     = "default"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]{1,256}$", var.event_bus_name))
    error_message = "event_bus_name must be the name of an event bus of this account and region, not an ARN."
  }
}

variable "identities" {
  description = "SES identities whose bounce and complaint notifications come here: the names in `wire`, or all of the account and region without it. The schedule looks again, for identities that are verified later. One that has a topic already keeps it unless `overwrite`, which does not give it back later. Null wires none."
  type = object({
    wire      = optional(list(string))
    overwrite = optional(bool, false)
    schedule  = optional(string, "rate(1 hour)")
  })
  default = {}

  validation {
    condition     = var.identities == null || try(alltrue([for name in coalesce(var.identities.wire, []) : can(regex("^([^@\\s]+@)?[A-Za-z0-9.-]+$", name))]), false)
    error_message = "identities.wire must be email addresses or domains as SES lists them, such as [\"example.com\"]. Leave it out to wire all."
  }

  validation {
    condition     = var.identities == null || try(can(regex("^(rate|cron)\\(.+\\)$", var.identities.schedule)), false)
    error_message = "identities.schedule must be a rate(…) or cron(…) expression of EventBridge Scheduler, such as rate(1 hour)."
  }
}

variable "kms_key_arn" {
  description = "Customer managed KMS key for data at rest, known at plan; its key policy must allow SES, SNS, CloudWatch Logs and the services in use. Null uses a key of the topic's own and else keys that AWS owns or manages."
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
  description = "Path of the zip that holds the code. Null is dist/ses_event_processing.zip of this release."
  type        = string
  default     = null
}

variable "reputation_thresholds" {
  description = "Shares (0-1) of the account's emails that bounce or are complained about at which an alarm goes off. The defaults are those at which SES reviews an account."
  type = object({
    bounce_rate    = optional(number, 0.05)
    complaint_rate = optional(number, 0.001)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for rate in values(var.reputation_thresholds) : rate > 0 && rate <= 1])
    error_message = "reputation_thresholds.bounce_rate and .complaint_rate must be shares above 0 and at most 1: 0.05 is 5 %."
  }
}

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "transient_bounces" {
  description = "How many soft bounces of an address within how many days suppress it."
  type = object({
    limit       = optional(number, 3)
    window_days = optional(number, 7)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.transient_bounces.limit >= 1 && var.transient_bounces.limit <= 50 && floor(var.transient_bounces.limit) == var.transient_bounces.limit
    error_message = "transient_bounces.limit must be a whole number from 1 to 50: 1 suppresses an address with its first soft bounce."
  }

  validation {
    condition     = var.transient_bounces.window_days >= 1 && var.transient_bounces.window_days <= 365 && floor(var.transient_bounces.window_days) == var.transient_bounces.window_days
    error_message = "transient_bounces.window_days must be a whole number from 1 to 365."
  }
}
