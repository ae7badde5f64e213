variable "name" {
  description = "First part of the queue name; `-dead-letter` follows."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,68}$", var.name))
    error_message = "name must be 1-68 letters, digits, hyphens or underscores: the dead-letter queue adds 12 characters to it and SQS allows 80. Shorten it."
  }
}

variable "message_retention_days" {
  description = "Days that the dead-letter queue keeps a message for a person to examine and redrive."
  type        = number
  default     = 14
  nullable    = false

  validation {
    condition     = var.message_retention_days >= 1 && var.message_retention_days <= 14
    error_message = "message_retention_days must be 1-14: SQS keeps no message longer."
  }
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
  description = "Services that may send to the queue: any key => the service principal and the ARN (pattern) of its source. Roles need no entry: their own policies allow sqs:SendMessage."
  type = map(object({
    service    = string
    source_arn = string
  }))
  default  = {}
  nullable = false
}
