variable "event_stream" {
  description = "Kinesis data stream to read, and its customer managed KMS key, if it has one."
  type = object({
    stream_arn = string
    kms_key    = optional(object({ arn = string }))
  })
}

variable "event_types" {
  description = "Event types that reach the function, such as `_email.open`. Lambda filters out all other events without an invocation."
  type        = list(string)

  validation {
    condition     = length(var.event_types) >= 1
    error_message = "event_types must have at least one event type: without one the function would never run."
  }
}

variable "function" {
  description = "Function that reads the stream: Python path of its handler, description, timeout, memory, and reserved concurrency (null uses the account's unreserved concurrency)."
  type = object({
    handler              = string
    description          = string
    timeout_seconds      = optional(number, 60)
    memory_mb            = optional(number, 256)
    reserved_concurrency = optional(number)
  })
}

variable "late" {
  description = "Alarm on records that wait: `work` is the start of its description, such as `Bounces are processed`, and `seconds` the age of a record that raises it."
  type = object({
    work    = string
    seconds = optional(number, 300)
  })

  validation {
    condition     = var.late.seconds >= 60 && var.late.seconds <= 21600
    error_message = "late.seconds must be 60-21600: the mapping gives a record up after six hours, and the metric has a value a minute."
  }
}

variable "name" {
  description = "Name of the subscriber. The function is `<name>-events`, its dead-letter queue `<name>-events-dead-letter`, its alarm `<name>-late`."
  type        = string
}

variable "package" {
  description = "S3 object of the zip that holds the code: an element of the output `archives` of the block package."
  type = object({
    bucket = string
    key    = string
  })
}

variable "batches" {
  description = "Records of an invocation at most, seconds to collect them, and batches of a shard that run at the same time. Records with one partition key keep their order at any `parallelization_factor`."
  type = object({
    size                   = optional(number, 100)
    window_seconds         = optional(number, 1)
    parallelization_factor = optional(number, 1)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.batches.size >= 1 && var.batches.size <= 10000 && floor(var.batches.size) == var.batches.size
    error_message = "batches.size must be a whole number from 1 to 10000: Lambda reads no more records of a stream at once."
  }

  validation {
    condition     = var.batches.window_seconds >= 0 && var.batches.window_seconds <= 300 && floor(var.batches.window_seconds) == var.batches.window_seconds
    error_message = "batches.window_seconds must be a whole number from 0 to 300: Lambda waits no longer for a batch."
  }

  validation {
    condition     = contains(range(1, 11), var.batches.parallelization_factor)
    error_message = "batches.parallelization_factor must be a whole number from 1 to 10: Lambda runs no more batches of a shard at the same time."
  }
}

variable "environment" {
  description = "Environment variables of the function besides DEAD_LETTER_QUEUE_URL, which the block sets."
  type        = map(string)
  default     = {}
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

variable "policies" {
  description = "IAM policies of the function besides those for the stream and the dead-letter queue: a name => a policy document (JSON). The names must be known at plan."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setintersection(keys(var.policies), ["keep-failures", "read-stream"])) == 0
    error_message = "policies must not use the names keep-failures or read-stream: this block attaches its own policies under these names. Choose another name."
  }
}
