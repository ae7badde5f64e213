variable "name" {
  description = "Name of the topic; every other name starts with it."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,200}$", var.name))
    error_message = "name must be 1-200 letters, digits, hyphens or underscores: SNS allows no other characters."
  }
}

variable "alarm" {
  description = "Who hears of trouble: the SNS topic that alarms notify. Null keeps the alarms but notifies nobody."
  type = object({
    topic_arn = string
  })
  default = null
}

variable "kms_key_arn" {
  description = "Customer managed KMS key for the messages; its key policy must let the publishing services use it. Null: the key alias/aws/sns, or a key of the topic's own where services publish (they cannot use alias/aws/sns). With service_publishers it must be known at plan."
  type        = string
  default     = null
}

variable "service_publishers" {
  description = "Services that publish by themselves (SES, CloudWatch alarms, SMS events): any key => the service principal and the ARN (pattern) it acts for. Roles need no entry: their own policy decides."
  type = map(object({
    service    = string
    source_arn = string
  }))
  default  = {}
  nullable = false
}

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}
