variable "messages_per_second" {
  description = "The account's rate of text messages; campaigns keep to it."
  type        = number
  default     = 20
  nullable    = false
}

variable "name" {
  description = "Prefix of every name, so that two copies of the example fit in one account."
  type        = string
  default     = "people"
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

variable "validations_per_second" {
  description = "The account's quota of PhoneNumberValidate; it is used up and not exceeded."
  type        = number
  default     = 20
  nullable    = false
}
