variable "configuration_set" {
  description = "SES configuration set whose events are kept. The module creates it; `create = false` uses an existing configuration set."
  type = object({
    name   = string
    create = optional(bool, true)
  })

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.configuration_set.name))
    error_message = "configuration_set.name must be 1-64 letters, digits, hyphens or underscores, not an ARN."
  }
}

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

variable "athena" {
  description = "Limits of Athena queries: the megabytes that a query may scan before Athena cancels it, and the days that query results are kept."
  type = object({
    scan_limit_mb = optional(number, 10240)
    results_days  = optional(number, 7)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.athena.scan_limit_mb >= 10 && floor(var.athena.scan_limit_mb) == var.athena.scan_limit_mb
    error_message = "athena.scan_limit_mb must be a whole number of 10 or more: Athena takes no smaller limit."
  }

  validation {
    condition     = var.athena.results_days >= 1 && floor(var.athena.results_days) == var.athena.results_days
    error_message = "athena.results_days must be a whole number of 1 or more: S3 expires objects by the day."
  }
}

variable "buffer_seconds" {
  description = "Seconds that Firehose buffers events before it writes a file. A lower value makes events queryable sooner, in more and smaller files. Below 60 each file is a multipart upload, of three or more S3 requests."
  type        = number
  default     = 40
  nullable    = false

  validation {
    condition     = var.buffer_seconds >= 0 && var.buffer_seconds <= 60 && floor(var.buffer_seconds) == var.buffer_seconds
    error_message = "buffer_seconds must be a whole number from 0 to 60: a longer buffer delays every query's view of new events."
  }
}

variable "database_name" {
  description = "Name of the Glue database. Null derives it from `name`, with underscores for hyphens."
  type        = string
  default     = null

  validation {
    condition     = var.database_name == null || can(regex("^[a-z0-9_]{1,255}$", var.database_name))
    error_message = "database_name must be 1-255 lower-case letters, digits or underscores: a hyphen would have to be quoted in every query. Use null to derive it from name."
  }
}

variable "events_since" {
  description = "First day (UTC) of the events, as `2026-11-23`. A query without a condition on `ingest_hour` lists every hour from this day on, and finds no older event. Null is the day the module was created on, or the oldest day that `retention.events_days` keeps, whichever is later."
  type        = string
  default     = null

  validation {
    condition     = var.events_since == null || can(regex("^20[0-9]{2}-[0-9]{2}-[0-9]{2}$", var.events_since)) && can(formatdate("YYYY", "${var.events_since}T00:00:00Z"))
    error_message = "events_since must be a day that exists, as YYYY-MM-DD. Use null for the day the module was created on."
  }

  validation {
    condition     = var.events_since == null || try(timecmp("${var.events_since}T00:00:00Z", plantimestamp()) <= 0, true)
    error_message = "events_since must not be in the future (UTC): no query would find an event of today. Use today or an earlier day, or null for the day the module was created on."
  }
}

variable "force_destroy" {
  description = "Whether destroying the module also deletes the events and the query results."
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

variable "retention" {
  description = "Days that events are kept, and days that failed records are kept for a replay. A null `events_days` keeps events permanently."
  type = object({
    events_days = optional(number)
    errors_days = optional(number, 90)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for days in compact([var.retention.events_days, var.retention.errors_days]) : days >= 1 && floor(days) == tonumber(days)])
    error_message = "retention.events_days and retention.errors_days must be whole numbers of 1 or more: S3 expires objects by the day. Leave events_days out to keep events permanently."
  }
}

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}
