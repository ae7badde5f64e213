variable "name" {
  description = "Prefix of every name the module gives; two copies with two names fit in one account."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,43}$", var.name))
    error_message = "name must be 1-44 lower-case letters, digits or hyphens, beginning with a letter: role and function names are built from it. Shorten it."
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
  description = "Who hears of trouble: the SNS topic that alarms notify. Null keeps the alarms but notifies nobody."
  type = object({
    topic_arn = string
  })
  default = null
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
  description = "Path of the zip that holds the code. Null is dist/pinpoint_resources.zip of this release."
  type        = string
  default     = null
}

variable "stream" {
  description = "Capacity of the Kinesis stream: PROVISIONED with a number of shards (each 1 MB or 1,000 events a second) or ON_DEMAND, and the hours that a subscriber may fall behind."
  type = object({
    mode            = optional(string, "PROVISIONED")
    shards          = optional(number, 1)
    retention_hours = optional(number, 24)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["PROVISIONED", "ON_DEMAND"], var.stream.mode)
    error_message = "stream.mode must be PROVISIONED or ON_DEMAND."
  }

  validation {
    condition     = var.stream.shards >= 1 && floor(var.stream.shards) == var.stream.shards
    error_message = "stream.shards must be a whole number of 1 or more. With mode ON_DEMAND it says nothing."
  }

  validation {
    condition     = var.stream.retention_hours >= 24 && var.stream.retention_hours <= 8760 && floor(var.stream.retention_hours) == var.stream.retention_hours
    error_message = "stream.retention_hours must be a whole number from 24 to 8760: Kinesis keeps records for a day at least and a year at most."
  }
}

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "take_over" {
  description = "Whether to replace an event stream that the project already has, which then gets no more events. Without it that is an error."
  type        = bool
  default     = false
  nullable    = false
}
