variable "name" {
  description = "First part of every name in the account, so that two hubs fit side by side."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,29}$", var.name))
    error_message = "name must be 2-30 lower-case letters, digits or hyphens, beginning with a letter: bucket and role names are built from it. Shorten it."
  }
}

variable "alarm" {
  description = "Who hears of trouble: the SNS topic that alarms notify. Null keeps the alarms but notifies nobody."
  type = object({
    topic_arn = string
  })
  default = null
}

variable "campaign_function_arns" {
  description = "Lambda functions that campaigns may call as FILTER hook or custom channel. Others can let the hub in by a resource policy for the role in output campaign_role_arn."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.campaign_function_arns : can(regex("^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]+$", arn))])
    error_message = "campaign_function_arns must be ARNs of Lambda functions without a version or alias: both are allowed with the function."
  }
}

variable "email" {
  description = "What email is sent from: the verified SES identity, its address, the configuration set whose events come back, and the account's sending rate. Null sends no email."
  type = object({
    from_address        = string
    identity_arn        = string
    configuration_set   = optional(string)
    messages_per_second = optional(number, 14)
  })
  default = null

  validation {
    condition     = var.email == null || try(var.email.messages_per_second > 0, false)
    error_message = "email.messages_per_second must be above 0: it is the account's SES sending rate. Use null for email to send none."
  }
}

variable "kms_key_arn" {
  description = "Customer managed KMS key for data at rest; its key policy must allow the services in use. Null uses keys that AWS owns or manages."
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "Days that logs are kept. They hold ids and outcomes, never an address, a number or a body."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition = contains(
      [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653],
      var.log_retention_days
    )
    error_message = "log_retention_days must be a period that CloudWatch Logs offers: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "package_paths" {
  description = "Where the Lambda packages are. Null, or a null inside, takes the ones that `make package` builds."
  type = object({
    engagement_hub = optional(string)
    api_resource   = optional(string)
  })
  default  = {}
  nullable = false
}

variable "project_name" {
  description = "Name of a first project (app) to create, which output pinpoint then names. Null creates none."
  type        = string
  default     = null
}

variable "sms" {
  description = "What SMS is sent from: one phone number, pool or sender ID (null leaves the choice to the service), others that messages may name, the configuration set whose events come back, and the account's rate. Null sends no SMS."
  type = object({
    origination_identity_arn        = optional(string)
    other_origination_identity_arns = optional(list(string), [])
    configuration_set               = optional(string)
    messages_per_second             = optional(number, 20)
  })
  default = {}

  validation {
    condition     = var.sms == null || try(var.sms.messages_per_second > 0, false)
    error_message = "sms.messages_per_second must be above 0: it is the rate of the origination identity. Use null for sms to send none."
  }
}

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "voice" {
  description = "What voice messages are sent from: a phone number or pool, and the account's rate. Null sends none."
  type = object({
    origination_identity_arn = string
    messages_per_second      = optional(number, 1)
  })
  default = null

  validation {
    condition     = var.voice == null || try(var.voice.messages_per_second > 0, false)
    error_message = "voice.messages_per_second must be above 0: it is the account's rate of calls. Use null for voice to send none."
  }
}
