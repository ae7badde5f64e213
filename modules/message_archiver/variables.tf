variable "event_stream" {
  description = "Kinesis data stream of the project's events: the `event_stream` output of the module event_stream, or the ARN of a stream and of its customer managed KMS key, if it has one."
  type = object({
    stream_arn = string
    kms_key    = optional(object({ arn = string }))
  })

  validation {
    condition     = can(regex("^arn:[^:]+:kinesis:[^:]+:[0-9]{12}:stream/[^/]+$", var.event_stream.stream_arn))
    error_message = "event_stream.stream_arn must be the ARN of a Kinesis data stream: use the `event_stream` output of the module event_stream."
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

variable "pinpoint" {
  description = "Pinpoint-compatible project: the `pinpoint` output of an engagement_hub, or { project_id = … } alone for a project that Amazon Pinpoint hosts."
  type = object({
    project_id = string
    api        = optional(object({ url = string, execution_arn = string }))
  })
}

variable "addresses" {
  description = "Addresses in archived messages: `kept` writes the recipient's address in the To header and wherever the message has it, as a record of a message needs; `masked` writes XXXXXXXX instead. Endpoint ids and attributes are never masked."
  type        = string
  default     = "kept"
  nullable    = false

  validation {
    condition     = contains(["kept", "masked"], var.addresses)
    error_message = "addresses must be \"kept\" or \"masked\"."
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

variable "batch_window_seconds" {
  description = "Seconds that sends are collected before they are archived. A longer window makes fewer and larger index files, which Athena reads faster."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.batch_window_seconds >= 1 && var.batch_window_seconds <= 300 && floor(var.batch_window_seconds) == var.batch_window_seconds
    error_message = "batch_window_seconds must be a whole number from 1 to 300: Lambda collects a batch of more than 10 messages for 1 second at least, and for 300 at most."
  }
}

variable "concurrency" {
  description = "Batches that are archived at the same time, at most. Each needs an execution environment of the account's concurrency."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.concurrency >= 2 && var.concurrency <= 1000 && floor(var.concurrency) == var.concurrency
    error_message = "concurrency must be a whole number from 2 to 1000: Lambda takes no other value for a queue."
  }
}

variable "default_from_address" {
  description = "From address of archived emails for which the campaign and the project's email channel have no From address: the address that the hub sends from. Null parks these emails."
  type        = string
  default     = null

  validation {
    condition     = var.default_from_address == null || can(regex("^[^@\\s]+@[^@\\s.]+(\\.[^@\\s.]+)+$", var.default_from_address))
    error_message = "default_from_address must be one email address, such as news@example.com. Use null to park emails without a From address."
  }
}

variable "force_destroy" {
  description = "Whether destroying the module also deletes the archive, the index and the query results. Object Lock in compliance mode prevents it."
  type        = bool
  default     = false
  nullable    = false
}

variable "glacier" {
  description = "Transition of messages to a storage class of S3 Glacier: days after the send, the class, and the size in KB that a message must exceed. Null keeps messages in S3 Standard. A message of less than some 16 KB costs more in GLACIER or DEEP_ARCHIVE than in Standard."
  type = object({
    after_days     = number
    storage_class  = optional(string, "GLACIER_IR")
    larger_than_kb = optional(number, 128)
  })
  default = null

  validation {
    condition     = var.glacier == null || try(var.glacier.after_days >= 1 && floor(var.glacier.after_days) == var.glacier.after_days, false)
    error_message = "glacier.after_days must be a whole number of 1 or more: S3 moves objects by the day."
  }

  validation {
    condition     = var.glacier == null || var.retention_days == null || try(var.glacier.after_days < var.retention_days, false)
    error_message = "glacier.after_days must be less than retention_days: S3 deletes a message before it would move it. Lower glacier.after_days, or raise retention_days."
  }

  validation {
    condition     = var.glacier == null || try(contains(["GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"], var.glacier.storage_class), false)
    error_message = "glacier.storage_class must be GLACIER_IR, GLACIER or DEEP_ARCHIVE."
  }

  validation {
    condition     = var.glacier == null || try(var.glacier.larger_than_kb >= 1 && floor(var.glacier.larger_than_kb) == var.glacier.larger_than_kb, false)
    error_message = "glacier.larger_than_kb must be a whole number of 1 or more."
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

variable "messages_since" {
  description = "First day of the index (`2026-05-01`), for sends that are older than the module by more than a week, such as redriven ones. A query without a condition on sent_hour lists every hour from that day on. Null is a week before the module was created."
  type        = string
  default     = null

  validation {
    condition     = var.messages_since == null || can(regex("^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$", var.messages_since))
    error_message = "messages_since must be a date, such as 2026-05-01. Use null for a week before the module was created."
  }
}

variable "object_lock" {
  description = "Object Lock of the archive: every message is kept for `days` and cannot be changed or deleted in that time. GOVERNANCE lets a person with s3:BypassGovernanceRetention delete it, COMPLIANCE prevents every deletion. Null has no lock. A change between null and an object replaces the bucket."
  type = object({
    mode = optional(string, "GOVERNANCE")
    days = number
  })
  default = null

  validation {
    condition     = var.object_lock == null || try(contains(["GOVERNANCE", "COMPLIANCE"], var.object_lock.mode), false)
    error_message = "object_lock.mode must be GOVERNANCE or COMPLIANCE. Use null for no lock."
  }

  validation {
    condition     = var.object_lock == null || try(var.object_lock.days >= 1 && var.object_lock.days <= 36500 && floor(var.object_lock.days) == var.object_lock.days, false)
    error_message = "object_lock.days must be a whole number from 1 to 36500: S3 keeps no object longer."
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

variable "retention_days" {
  description = "Days after which messages and their index files are deleted. Null keeps them permanently."
  type        = number
  default     = null

  validation {
    condition     = var.retention_days == null || try(var.retention_days >= 1 && floor(var.retention_days) == var.retention_days, false)
    error_message = "retention_days must be a whole number of 1 or more: S3 expires objects by the day. Use null to keep messages permanently."
  }

  validation {
    condition     = var.retention_days == null || var.object_lock == null || try(var.retention_days >= var.object_lock.days, false)
    error_message = "retention_days must not be less than object_lock.days: Object Lock keeps a message for that time. Raise retention_days, or lower object_lock.days."
  }
}

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}
