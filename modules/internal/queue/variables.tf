variable "name" {
  description = "First part of the queue name; also of its dead-letter queue, where `-dead-letter` follows."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,68}$", var.name))
    error_message = "name must be 1-68 letters, digits, hyphens or underscores: the dead-letter queue adds 12 characters to it and SQS allows 80. Shorten it."
  }
}

variable "visibility_timeout_seconds" {
  description = "Visibility timeout of the queue: at least six times the timeout of the function that reads it."
  type        = number

  validation {
    condition     = var.visibility_timeout_seconds >= 0 && var.visibility_timeout_seconds <= 43200
    error_message = "visibility_timeout_seconds must be 0-43200: SQS hides a message for 12 hours at most."
  }
}

variable "max_receive_count" {
  description = "Receives of a message before SQS moves it to the dead-letter queue."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.max_receive_count >= 1 && var.max_receive_count <= 1000
    error_message = "max_receive_count must be 1-1000: SQS allows no other value."
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
