variable "name" {
  description = "Prefix of every name the module gives; two copies with two names fit in one account."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,39}$", var.name))
    error_message = "name must be 1-40 lower-case letters, digits or hyphens, beginning with a letter: role names are built from it. Shorten it."
  }
}

variable "event_stream" {
  description = "Kinesis stream to subscribe to: the `event_stream` output of the module event_stream."
  type = object({
    stream_arn  = string
    kms_key_arn = optional(string)
  })

  validation {
    condition     = can(regex("^arn:[^:]+:kinesis:[^:]+:[0-9]{12}:stream/[^/]+$", var.event_stream.stream_arn))
    error_message = "event_stream.stream_arn must be the ARN of a Kinesis data stream, such as the event_stream output of the module event_stream gives it."
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
  description = "Path of the zip that holds the code. Null is dist/pinpoint_event_processing.zip of this release."
  type        = string
  default     = null
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
