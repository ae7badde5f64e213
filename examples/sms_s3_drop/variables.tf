variable "message_parts_per_second" {
  description = "Quota of the number `alerts` in message parts per second: 3 for a toll-free number, 1 for a long code, 100 for a short code."
  type        = number
  default     = 3
  nullable    = false
}

variable "name" {
  description = "Prefix of every name, so that two copies of the example fit in one account."
  type        = string
  default     = "sms-drop"
  nullable    = false
}

variable "region" {
  description = "AWS region to deploy to."
  type        = string
  default     = "us-east-1"
  nullable    = false
}
