variable "name" {
  description = "First part of the queue name; `-dead-letter` follows."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,68}$", var.name))
    error_message = "name must be 1-68 letters, digits, hyphens or underscores: the dead-letter queue adds 12 characters to it and SQS allows 80. Shorten it."
  }
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

variable "message_retention_days" {
  description = "Days that a dead letter is kept for a person to look at and redrive."
  type        = number
  default     = 14
  nullable    = false

  validation {
    condition     = var.message_retention_days >= 1 && var.message_retention_days <= 14
    error_message = "message_retention_days must be 1-14: SQS keeps no message longer."
  }
}

variable "publishers" {
  description = "Services that may send to the queue: any key => the service principal and the ARN (pattern) it acts for. Roles need no entry: their own policy decides."
  type = map(object({
    service    = string
    source_arn = string
  }))
  default  = {}
  nullable = false
}

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}
