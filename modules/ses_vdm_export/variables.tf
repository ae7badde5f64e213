variable "name" {
  description = "Prefix of every AWS name, unique among the modules of an account and region. Two copies with two names fit in one account."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,24}[a-z0-9])?$", var.name))
    error_message = "name must be 1-26 lower-case letters, digits or hyphens, start with a letter and end with a letter or digit: the names of buckets, roles and databases start with it. Choose such a name."
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

variable "bucket" {
  description = "Existing bucket for the reports. `kms_key` is the customer managed KMS key of its objects, if they have one. Null creates a bucket."
  type = object({
    name    = string
    kms_key = optional(object({ arn = string }))
  })
  default = null
}

variable "dimensions" {
  description = "Dimensions of the report: one to three of EMAIL_IDENTITY, CONFIGURATION_SET and ISP, each with [\"*\"] for every value or with up to 10 values. If a dimension has \"*\", every other dimension has a single value."
  type        = map(list(string))
  default     = { EMAIL_IDENTITY = ["*"] }
  nullable    = false

  validation {
    condition = (
      length(var.dimensions) >= 1 &&
      length(setsubtract(keys(var.dimensions), ["EMAIL_IDENTITY", "CONFIGURATION_SET", "ISP"])) == 0
    )
    error_message = "dimensions must name one to three of EMAIL_IDENTITY, CONFIGURATION_SET and ISP; SES offers no other dimension."
  }

  validation {
    condition = alltrue([
      for values in values(var.dimensions) :
      length(values) >= 1 && length(values) <= 10 &&
      length(distinct(values)) == length(values) && alltrue([for value in values : length(value) > 0])
    ])
    error_message = "dimensions must give each name 1-10 different values that are not empty: SES accepts no more. Use [\"*\"] for all values."
  }

  validation {
    condition = (
      !contains(flatten(values(var.dimensions)), "*") ||
      alltrue([for values in values(var.dimensions) : length(values) == 1])
    )
    error_message = "dimensions with \"*\" for one name must have a single value for every name: SES does not combine \"*\" with a list. List the values, or use [\"*\"] for each name."
  }
}

variable "force_destroy" {
  description = "Whether destroying the module also deletes the reports in the bucket that it created."
  type        = bool
  default     = false
  nullable    = false
}

variable "format" {
  description = "Format of the report: CSV or JSON."
  type        = string
  default     = "CSV"
  nullable    = false

  validation {
    condition     = contains(["CSV", "JSON"], var.format)
    error_message = "format must be CSV or JSON; SES exports no other format."
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

variable "metrics" {
  description = "Metrics of the report, one to ten: name is SEND, DELIVERY, TRANSIENT_BOUNCE, PERMANENT_BOUNCE, COMPLAINT, OPEN, CLICK, DELIVERY_OPEN, DELIVERY_CLICK or DELIVERY_COMPLAINT; aggregation is VOLUME, a number, or RATE, a share of the emails sent."
  type = list(object({
    name        = string
    aggregation = string
  }))
  default = [
    { name = "SEND", aggregation = "VOLUME" },
    { name = "DELIVERY", aggregation = "RATE" },
    { name = "TRANSIENT_BOUNCE", aggregation = "RATE" },
    { name = "PERMANENT_BOUNCE", aggregation = "RATE" },
    { name = "COMPLAINT", aggregation = "RATE" },
    { name = "OPEN", aggregation = "RATE" },
    { name = "CLICK", aggregation = "RATE" },
    { name = "DELIVERY_OPEN", aggregation = "RATE" },
    { name = "DELIVERY_CLICK", aggregation = "RATE" },
    { name = "DELIVERY_COMPLAINT", aggregation = "RATE" },
  ]
  nullable = false

  validation {
    condition     = length(var.metrics) >= 1 && length(var.metrics) <= 10 && length(distinct(var.metrics)) == length(var.metrics)
    error_message = "metrics must be 1-10 different pairs: SES exports no more in one job. Use a second copy of the module for further metrics."
  }

  validation {
    condition = alltrue([
      for metric in var.metrics : contains([
        "SEND", "DELIVERY", "TRANSIENT_BOUNCE", "PERMANENT_BOUNCE", "COMPLAINT",
        "OPEN", "CLICK", "DELIVERY_OPEN", "DELIVERY_CLICK", "DELIVERY_COMPLAINT",
      ], metric.name)
    ])
    error_message = "metrics must have a name among SEND, DELIVERY, TRANSIENT_BOUNCE, PERMANENT_BOUNCE, COMPLAINT, OPEN, CLICK, DELIVERY_OPEN, DELIVERY_CLICK and DELIVERY_COMPLAINT; SES exports no other metric."
  }

  validation {
    condition     = alltrue([for metric in var.metrics : contains(["VOLUME", "RATE"], metric.aggregation)])
    error_message = "metrics must have the aggregation VOLUME (a number) or RATE (a share of the emails sent)."
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

variable "prefix" {
  description = "Key prefix of the reports; year=…/month=… follows. The prefix usually ends in a slash; \"\" is the top of the bucket."
  type        = string
  default     = "reports/"
  nullable    = false

  validation {
    condition     = !startswith(var.prefix, "/") && !strcontains(var.prefix, "*")
    error_message = "prefix must not start with a slash, because S3 keys do not, and not hold a *: use `reports/`."
  }
}

variable "retention_days" {
  description = "Days after which a report in the bucket that the module created expires, together with its link. Null keeps reports."
  type        = number
  default     = null

  validation {
    condition = var.retention_days == null || try(
      var.retention_days >= 1 && floor(var.retention_days) == var.retention_days && var.bucket == null, false
    )
    error_message = "retention_days must be a whole number of 1 or more, and applies to the bucket that the module creates: the owner of an existing bucket decides about its objects. Use null to keep reports."
  }
}

variable "schedule" {
  description = "Schedule for the export of the previous month: an expression cron(minutes hours day month weekday year), its IANA time zone, which also decides the current month, and whether the schedule is enabled."
  type = object({
    expression = optional(string, "cron(0 6 1 * ? *)")
    time_zone  = optional(string, "UTC")
    enabled    = optional(bool, true)
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^cron\\((\\S+ ){5}\\S+\\)$", var.schedule.expression))
    error_message = "schedule.expression must be cron(…) with six fields, such as cron(0 6 1 * ? *): each run exports the previous month, and a rate(…) would start runs for a month that is already exported."
  }

  validation {
    condition     = can(regex("^[A-Za-z]+([/_+-][A-Za-z0-9]+)*$", var.schedule.time_zone))
    error_message = "schedule.time_zone must be the name of an IANA time zone, such as UTC or Europe/Berlin."
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

variable "timeout_seconds" {
  description = "Seconds that SES may take for an export before the run ends in a failure notification. A new run for the same month continues the export."
  type        = number
  default     = 7200
  nullable    = false

  validation {
    condition     = var.timeout_seconds >= 10 && var.timeout_seconds <= 86400 && floor(var.timeout_seconds) == var.timeout_seconds
    error_message = "timeout_seconds must be a whole number from 10 to 86400."
  }
}
