variable "name" {
  description = "Prefix of every name, so that two copies of the example fit in one account."
  type        = string
  default     = "journey"
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
