variable "name" {
  description = "Prefix of every name, so that two copies of the example fit in one account."
  type        = string
  default     = "events"
  nullable    = false
}

variable "region" {
  description = "AWS region to deploy to."
  type        = string
  default     = "us-east-1"
  nullable    = false
}

variable "take_over" {
  description = "Whether to replace a stream that something else registered with the project. Without it that is an error."
  type        = bool
  default     = false
  nullable    = false
}
