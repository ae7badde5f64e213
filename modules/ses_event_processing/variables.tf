variable "name" {
  description = "Prefix of every AWS name, unique among the modules of an account and region. Two copies with two names fit in one account."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,24}[a-z0-9])?$", var.name))
    error_message = "name must be 1-26 lower-case letters, digits or hyphens, start with a letter and end with a letter or digit: the names of buckets, roles and databases start with it. Choose such a name."
  }
}

variable "address_table" {
  description = "Existing DynamoDB table of addresses, with the partition key `address` (a string) and no sort key. `kms_key` is its customer managed KMS key, if it has one. Other attributes of its items are kept. Null creates a table."
  type = object({
    name    = string
    arn     = string
    kms_key = optional(object({ arn = string }))
  })
  default = null

  validation {
    condition     = var.address_table == null || try(can(regex("^arn:[^:]+:dynamodb:[^:]+:[0-9]{12}:table/[^/]+$", var.address_table.arn)), false)
    error_message = "address_table.arn must be the ARN of a DynamoDB table, such as arn:aws:dynamodb:eu-west-1:111122223333:table/people. Use null to create a table."
  }
}

variable "alarm" {
  description = "SNS topic that CloudWatch alarms notify. `detailed` adds alarms on single functions, throttling and failed notifications; the default alarms are for failures that need a person. Null creates the alarms without a notification."
  type = object({
    topic_arn = string
    detailed  = optional(bool, false)
  })
  default = null
}

variable "configuration_set" {
  description = "SES configuration set whose bounces and complaints are processed. The module creates it; `create = false` uses an existing configuration set. Null processes the feedback of identities only."
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
    condition     = var.configuration_set != null || var.identities != null || var.event_bridge != null
    error_message = "configuration_set, identities and event_bridge must not all be null: no feedback would be processed. Give a configuration set, or leave identities out."
  }
}

variable "event_bridge" {
  description = "Bounces and complaints that SES publishes to EventBridge: a rule on the default event bus for the names in `configuration_sets` or, without it, for every configuration set with an EventBridge event destination. Null creates no rule."
  type = object({
    configuration_sets = optional(list(string))
  })
  default = null

  validation {
    condition     = var.event_bridge == null || try(var.event_bridge.configuration_sets == null, true) || try(length(var.event_bridge.configuration_sets) > 0 && alltrue([for name in var.event_bridge.configuration_sets : can(regex("^[A-Za-z0-9_-]{1,64}$", name))]), false)
    error_message = "event_bridge.configuration_sets must hold names of 1-64 letters, digits, hyphens or underscores, not ARNs. Leave it out for every configuration set."
  }

  validation {
    condition     = var.event_bridge == null || try(var.event_bridge.configuration_sets == null, true) || try(length(jsonencode(var.event_bridge.configuration_sets)) <= 1800, false)
    error_message = "event_bridge.configuration_sets must have at most 1,800 characters together as JSON: they are the pattern of an EventBridge rule, which has 2,048. Leave it out for every configuration set."
  }
}

variable "event_bus_name" {
  description = "EventBridge event bus of this account and region that receives an event for every suppressed address."
  type        = string
  default     = "default"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]{1,256}$", var.event_bus_name))
    error_message = "event_bus_name must be the name of an event bus of this account and region, not an ARN."
  }
}

variable "identities" {
  description = "SES identities whose bounce and complaint notifications are processed: the names in `wire` or, without it, every identity of the account and region. `schedule` repeats the wiring for identities that are verified later. An identity that already has a topic keeps it unless `overwrite` is true; the earlier topic is never restored. Null wires no identity."
  type = object({
    wire      = optional(list(string))
    overwrite = optional(bool, false)
    schedule  = optional(string, "rate(1 hour)")
  })
  default = {}

  validation {
    condition     = var.identities == null || try(alltrue([for name in coalesce(var.identities.wire, []) : can(regex("^([!-?A-~]+@)?[A-Za-z0-9.-]+$", name))]), false)
    error_message = "identities.wire must be email addresses or domains as SES lists them, such as [\"example.com\"], with other scripts' domains in Punycode (xn--…). Leave it out to wire every identity."
  }

  validation {
    condition     = var.identities == null || try(can(regex("^(rate|cron)\\(.+\\)$", var.identities.schedule)), false)
    error_message = "identities.schedule must be a rate(…) or cron(…) expression of EventBridge Scheduler, such as rate(1 hour)."
  }
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

variable "reputation_thresholds" {
  description = "Alarm thresholds for the account's bounce rate and complaint rate, as shares (0-1) of its emails. The defaults are the rates at which SES reviews an account."
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
  description = "Soft bounces that suppress an address: `limit` of them within `window_days`."
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
