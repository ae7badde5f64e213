variable "name" {
  description = "Name of the topic; every other name starts with it."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,200}$", var.name))
    error_message = "name must be 1-200 letters, digits, hyphens or underscores: SNS allows no other characters."
  }
}

variable "operations" {
  description = "Operations settings of the module, passed on unchanged: alarm notifications, the customer managed KMS key, log retention, tags."
  type = object({
    alarm              = optional(object({ topic_arn = string, detailed = optional(bool, false) }))
    kms_key            = optional(object({ arn = string }))
    log_retention_days = optional(number, 30)
    tags               = optional(map(string), {})
  })
  default  = {}
  nullable = false
}

variable "service_publishers" {
  description = "Services that publish to the topic as service principals (SES, CloudWatch alarms, SMS events): any key => the service principal and the ARN (pattern) of its source. Roles need no entry: their own policies allow sns:Publish."
  type = map(object({
    service    = string
    source_arn = string
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract([for publisher in values(var.service_publishers) : publisher.service], ["cloudwatch.amazonaws.com", "ses.amazonaws.com", "sms-voice.amazonaws.com"])) == 0
    error_message = "service_publishers must be cloudwatch, ses or sms-voice.amazonaws.com: the key policy of the topic requires aws:SourceAccount, and only these services send it to KMS. Publish with a role instead."
  }
}

variable "subscriptions" {
  description = "Subscriptions of the topic: any key => the protocol (email, https or sqs) and the endpoint (address, URL or queue ARN). `notification_types` selects notifications; empty selects all."
  type = map(object({
    protocol           = string
    endpoint           = string
    notification_types = optional(list(string), [])
  }))
  default  = {}
  nullable = false
}
