variable "name" {
  description = "Prefix of every name, so that two copies of the example fit in one account."
  type        = string
  default     = "journeys"
  nullable    = false
}

variable "region" {
  description = "AWS region to deploy to."
  type        = string
  default     = "us-east-1"
  nullable    = false
}

variable "revision" {
  description = "Any text. A new one copies the journeys again at the next apply."
  type        = string
  default     = "1"
  nullable    = false
}
