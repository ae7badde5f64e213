variable "columns" {
  description = "Columns that the transform function writes to the table, with Hive types, in lower case."
  type = list(object({
    name    = string
    type    = string
    comment = optional(string)
  }))

  validation {
    condition     = length(var.columns) > 0 && alltrue([for column in var.columns : lower(column.name) == column.name && lower(column.type) == column.type])
    error_message = "columns must hold at least one column, and names and types in lower case, nested names too: Glue and Parquet match names by their lower-case form. Correct ${join(", ", [for column in var.columns : column.name if lower(column.name) != column.name || lower(column.type) != column.type])}."
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

variable "python_package" {
  description = "Python package of the functions `functions/transform.py` and `functions/replay.py`."
  type        = string
}

variable "package" {
  description = "S3 object of the zip that holds the code: an element of the output `archives` of the block package."
  type = object({
    bucket = string
    key    = string
  })
}

variable "table_name" {
  description = "Name of the Glue table of events."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]{0,127}$", var.table_name))
    error_message = "table_name must be 1-128 lower-case letters, digits or underscores: another name would have to be quoted in every query."
  }
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

variable "event_stream" {
  description = "Kinesis data stream that Firehose reads besides direct writes: the `event_stream` output of the module event_stream. Null reads no Kinesis data stream."
  type = object({
    stream_arn = string
    kms_key    = optional(object({ arn = string }))
  })
  default = null
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

variable "publishers" {
  description = "Services that may write events: any key => the service principal and the ARNs of its sources (configuration sets). Each service gets a role."
  type = map(object({
    service     = string
    source_arns = list(string)
  }))
  default  = {}
  nullable = false
}

variable "queries" {
  description = "Named queries of Athena: name => SQL. The first comment lines of the SQL are the description."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for sql in values(var.queries) : can(regex("^-- [^\n]", sql))])
    error_message = "queries must begin with a comment that describes the query: ${join(", ", [for name, sql in var.queries : name if !can(regex("^-- [^\n]", sql))])} does not. Begin it with `-- …`."
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

variable "views" {
  description = <<-EOT
    Views: name => SQL of one SELECT. The comment lines at its head are the description. After a line `-- columns:`, they
    list each column of the result with its Hive type, as in `--   destination array<string>`.
  EOT
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = !contains(keys(var.views), var.table_name)
    error_message = "views must not have the name of the table, ${var.table_name}. Rename the view."
  }
}
