variable "delays_seconds" {
  description = "Seconds to wait before each retry."
  type        = list(number)
  default     = [300, 1800, 7200]
  nullable    = false
}

variable "name" {
  description = "Prefix of every name, so that two copies of the example fit in one account."
  type        = string
  default     = "retry"
  nullable    = false
}

variable "origination_number" {
  description = "Phone number to send texts from. Null makes a simulator number."
  type        = object({ arn = string })
  default     = null
}

variable "region" {
  description = "AWS region to deploy to."
  type        = string
  default     = "us-east-1"
  nullable    = false
}
