variable "name" {
  description = "First part of the queue name; also of its dead-letter queue, where `-dead-letter` follows."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,68}$", var.name))
    error_message = "name must be 1-68 letters, digits, hyphens or underscores: the dead-letter queue adds 12 characters to it and SQS allows 80. Shorten it."
  }
}

variable "visibility_timeout_seconds" {
  description = "Time a received message stays hidden: at least six times the timeout of the function that reads the queue."
  type        = number

  validation {
    condition     = var.visibility_timeout_seconds >= 0 && var.visibility_timeout_seconds <= 43200
    error_message = "visibility_timeout_seconds must be 0-43200: SQS hides a message for 12 hours at most."
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

variable "max_receive_count" {
  description = "Attempts at a message before it goes to the dead-letter queue."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.max_receive_count >= 1 && var.max_receive_count <= 1000
    error_message = "max_receive_count must be 1-1000: SQS allows nothing else."
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
