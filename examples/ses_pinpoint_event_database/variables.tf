variable "buffer_seconds" {
  description = "Seconds that Firehose gathers events for a file, from 0 to 60: an event can be queried a few seconds after that."
  type        = number
  default     = 40
  nullable    = false
}

variable "from_address" {
  description = "Address to send email from; SES has to verify it first."
  type        = string
  default     = "sender@example.com"
  nullable    = false

  validation {
    condition     = can(regex("^[^@\\s]+@[^@\\s.]+(\\.[^@\\s.]+)+$", var.from_address))
    error_message = "from_address must be one email address, for example \"news@example.com\"."
  }
}

variable "name" {
  description = "Prefix of every name, so that two copies of the example fit in one account."
  type        = string
  default     = "engagement"
  nullable    = false
}

variable "origination_identity" {
  description = "Phone number, pool or sender ID of End User Messaging SMS that text messages are sent from. Null requests a simulator number."
  type = object({
    arn = string
  })
  default = null
}

variable "region" {
  description = "AWS region to deploy to."
  type        = string
  default     = "us-east-1"
  nullable    = false
}
