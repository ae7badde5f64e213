variable "domain" {
  description = "Domain of the mailboxes. SES receives its mail once an MX record points there, and sends for it once it is verified."
  type        = string
  default     = "answers.example.com"
  nullable    = false
}

variable "name" {
  description = "Prefix of every name, so that two copies of the example fit in one account."
  type        = string
  default     = "answers"
  nullable    = false
}

variable "region" {
  description = "AWS region to deploy to; SES receives mail in some regions only."
  type        = string
  default     = "us-east-1"
  nullable    = false
}

variable "rule_set_name" {
  description = "An existing receipt rule set to add the rules to. Null makes one and makes it the active one, in place of another that is active."
  type        = string
  default     = null
}

variable "window_hours" {
  description = "Hours in which a sender gets one answer at most."
  type        = number
  default     = 24
  nullable    = false
}
