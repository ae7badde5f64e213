variable "from_address" {
  description = "Address to send email from; SES has to verify it first."
  type        = string
  default     = "news@templates.example.com"
  nullable    = false

  validation {
    condition     = can(regex("^[^@\\s]+@[^@\\s.]+(\\.[^@\\s.]+)+$", var.from_address))
    error_message = "from_address must be one email address, for example \"news@example.com\"."
  }
}

variable "name" {
  description = "Prefix of every name, so that two copies of the example fit in one account."
  type        = string
  default     = "welcome"
  nullable    = false
}

variable "region" {
  description = "AWS region to deploy to."
  type        = string
  default     = "us-east-1"
  nullable    = false
}
