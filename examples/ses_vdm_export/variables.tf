variable "email_addresses" {
  description = "Email addresses that are subscribed to the notifications; each address has to confirm first."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "enable_vdm" {
  description = "Whether to turn on the Virtual Deliverability Manager for the account and region. False where it is on already."
  type        = bool
  default     = true
  nullable    = false
}

variable "from_address" {
  description = "Address to send email from; SES has to verify it first."
  type        = string
  default     = "news@monthly.example.com"
  nullable    = false

  validation {
    condition     = can(regex("^[^@\\s]+@[^@\\s.]+(\\.[^@\\s.]+)+$", var.from_address))
    error_message = "from_address must be one email address, for example \"news@example.com\"."
  }
}

variable "name" {
  description = "Prefix of every name, so that two copies of the example fit in one account."
  type        = string
  default     = "vdm"
  nullable    = false
}

variable "region" {
  description = "AWS region to deploy to."
  type        = string
  default     = "us-east-1"
  nullable    = false
}

variable "timeout_seconds" {
  description = "How long SES may take for an export."
  type        = number
  default     = 7200
  nullable    = false
}
