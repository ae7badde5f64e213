variable "batch_window_seconds" {
  description = "Seconds that sends are collected before they are archived."
  type        = number
  default     = 30
  nullable    = false
}

variable "from_address" {
  description = "Address to send email from; SES has to verify it first."
  type        = string
  default     = "sender@message-archive.example.com"
  nullable    = false

  validation {
    condition     = can(regex("^[^@\\s]+@[^@\\s.]+(\\.[^@\\s.]+)+$", var.from_address))
    error_message = "from_address must be one email address, for example \"news@example.com\"."
  }
}

variable "name" {
  description = "Prefix of every name, so that two copies of the example fit in one account."
  type        = string
  default     = "archive"
  nullable    = false
}

variable "origination_identity" {
  description = "Phone number, pool or sender ID to send texts from. Null makes a simulator number."
  type        = object({ arn = string })
  default     = null
}

variable "region" {
  description = "AWS region to deploy to."
  type        = string
  default     = "us-east-1"
  nullable    = false
}
