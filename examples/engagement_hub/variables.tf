variable "email_from_address" {
  description = "Address that the hub sends email from; SES has to verify it first. Null sends no email."
  type        = string
  default     = null
}

variable "name" {
  description = "Prefix of every name, so that two copies of the example fit in one account."
  type        = string
  default     = "hub"
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

variable "voice" {
  description = "Voice channel: the phone number of the account that places calls, and the account's rate of calls. Null sends no voice messages."
  type = object({
    origination_identity_arn = string
    messages_per_second      = optional(number, 1)
  })
  default = null
}
