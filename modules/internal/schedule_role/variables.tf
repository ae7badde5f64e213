variable "dead_letter_queue_arn" {
  description = "Dead-letter queue for failed invocations of the target."
  type        = string
}

variable "description" {
  description = "Description of the IAM role."
  type        = string
}

variable "name" {
  description = "Name of the role."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.name))
    error_message = "name must be 1-64 letters, digits, hyphens or underscores: IAM allows no more. Shorten it."
  }
}

variable "target" {
  description = "Target of the schedules: one action on one resource."
  type = object({
    action = string
    arn    = string
  })
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

variable "schedule_group_arn" {
  description = "Schedule group whose schedules may assume the role. Null is the default group."
  type        = string
  default     = null
}
