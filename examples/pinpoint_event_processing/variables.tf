variable "from_address" {
  description = "Address to send email from; SES has to verify it first."
  type        = string
  default     = "sender@pinpoint-events.example.com"
  nullable    = false
}

variable "name" {
  description = "Prefix of every name, so that two copies of the example fit in one account."
  type        = string
  default     = "feedback"
  nullable    = false
}

variable "region" {
  description = "AWS region to deploy to."
  type        = string
  default     = "us-east-1"
  nullable    = false
}
