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

variable "region" {
  description = "AWS region to deploy to."
  type        = string
  default     = "us-east-1"
  nullable    = false
}
