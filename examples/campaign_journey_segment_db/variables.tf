variable "buffer_seconds" {
  description = "Seconds that Firehose gathers events for a file, from 0 to 60: an event can be queried a few seconds after that."
  type        = number
  default     = 40
  nullable    = false
}

variable "name" {
  description = "Prefix of every name, so that two copies of the example fit in one account."
  type        = string
  default     = "names"
  nullable    = false
}

variable "region" {
  description = "AWS region to deploy to."
  type        = string
  default     = "us-east-1"
  nullable    = false
}
