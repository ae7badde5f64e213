variable "buffer_seconds" {
  description = "Seconds that Firehose gathers events for a file, from 0 to 60: an event can be queried a few seconds after that."
  type        = number
  default     = 40
  nullable    = false
}

variable "deletion_window_days" {
  description = "Days between `terraform destroy` and the deletion of the key. After it no data under the key can be read."
  type        = number
  default     = 30
  nullable    = false
}

variable "deployers" {
  description = "Roles or users that apply this example and whose IAM policies allow no KMS action: any key => the ARN."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "domain" {
  description = "Domain of the mailbox. SES receives its mail once an MX record points there, and sends for it once it is verified."
  type        = string
  default     = "sealed.example.com"
  nullable    = false
}

variable "enable_vdm" {
  description = "Whether to turn on the Virtual Deliverability Manager for the account and region. False where it is on already."
  type        = bool
  default     = true
  nullable    = false
}

variable "from_address" {
  description = "Address to send email from; SES has to verify it first."
  type        = string
  default     = "news@sealed.example.org"
  nullable    = false

  validation {
    condition     = can(regex("^[^@\\s]+@[^@\\s.]+(\\.[^@\\s.]+)+$", var.from_address))
    error_message = "from_address must be one email address, for example \"news@example.com\"."
  }
}

variable "name" {
  description = "Prefix of every name, so that two copies of the example fit in one account."
  type        = string
  default     = "sealed"
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
  description = "AWS region to deploy to; SES receives mail in some regions only."
  type        = string
  default     = "us-east-1"
  nullable    = false
}
