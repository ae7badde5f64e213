variable "name" {
  description = "Prefix of every AWS name, unique among the modules of an account and region. Two copies with two names fit in one account."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,24}[a-z0-9])?$", var.name))
    error_message = "name must be 1-26 lower-case letters, digits or hyphens, start with a letter and end with a letter or digit: the names of buckets, roles and databases start with it. Choose such a name."
  }
}

variable "alarm" {
  description = "SNS topic that CloudWatch alarms notify. `detailed` adds alarms on single functions, throttling and failed notifications; the default alarms are for failures that need a person. Null creates the alarms without a notification."
  type = object({
    topic_arn = string
    detailed  = optional(bool, false)
  })
  default = null
}

variable "campaign_function_arns" {
  description = "Lambda functions that campaigns may invoke as FILTER hook or custom channel. Another function can allow the role in output campaign_role_arn in its resource policy."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.campaign_function_arns : can(regex("^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]+$", arn))])
    error_message = "campaign_function_arns must be ARNs of Lambda functions without a version or alias: permission for a function includes them."
  }
}

variable "email" {
  description = "SES sender of email: the From address, the verified identity, the configuration set whose events the hub writes to event streams, and the sending rate of the account. Null sends no email."
  type = object({
    from_address        = string
    identity_arn        = string
    configuration_set   = optional(object({ name = string }))
    messages_per_second = optional(number, 14)
  })
  default = null

  validation {
    condition     = var.email == null || try(var.email.messages_per_second > 0, false)
    error_message = "email.messages_per_second must be above 0: it is the account's SES sending rate. Use email = null to send no email."
  }
}

variable "kms_key" {
  description = "Customer managed KMS key for data at rest: the `kms_key` output of encryption_key, or a key whose policy has the same statements. Null uses keys that AWS owns or manages."
  type = object({
    arn = string
  })
  default = null
}

variable "log_retention_days" {
  description = "Days that CloudWatch Logs keeps the logs. Logs hold ids and outcomes, never an address, a number or a body."
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

variable "packages" {
  description = "Lambda packages. `directory` is a folder of zips, which the module uploads to its own bucket; null is dist/ of this release. `s3` is the bucket and the key prefix of zips that are already uploaded. A new release needs a new prefix, because Lambda reads a key once."
  type = object({
    directory = optional(string)
    s3 = optional(object({
      bucket = string
      prefix = optional(string, "")
    }))
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.packages.s3 == null || var.packages.directory == null
    error_message = "packages.directory and packages.s3 must not both be given: the zips come from a folder or from S3. Leave out directory or s3."
  }

  validation {
    condition     = var.packages.s3 == null || try(var.packages.s3.prefix == "" || endswith(var.packages.s3.prefix, "/"), false)
    error_message = "packages.s3.prefix must be empty or end with a slash, because the name of the zip follows it: use `engagement/v0.1.0/`."
  }
}

variable "project" {
  description = "First project (app) to create. The output pinpoint names it. Null creates no project."
  type = object({
    name = string
  })
  default = null
}

variable "sms" {
  description = "Origination identity of text messages: the ARN of a phone number, pool or sender ID. Messages may name an identity of `other_origination_identity_arns` instead. The hub writes the events of the configuration set to event streams. `messages_per_second` is the rate of the identity. Null sends no SMS."
  type = object({
    origination_identity_arn        = string
    other_origination_identity_arns = optional(list(string), [])
    configuration_set               = optional(object({ name = string }))
    messages_per_second             = optional(number, 20)
  })
  default = null

  validation {
    condition     = var.sms == null || try(var.sms.messages_per_second > 0, false)
    error_message = "sms.messages_per_second must be above 0: it is the rate of the origination identity. Use sms = null to send no SMS."
  }

  validation {
    condition     = var.sms == null || try(alltrue([for arn in concat([var.sms.origination_identity_arn], var.sms.other_origination_identity_arns) : can(regex("^arn:[a-z-]+:sms-voice:[a-z0-9-]+:[0-9]{12}:(phone-number|pool|sender-id)/.+$", arn))]), false)
    error_message = "sms.origination_identity_arn and other_origination_identity_arns must be ARNs of phone numbers, pools or sender IDs of End User Messaging SMS: use the arn of an aws_pinpointsmsvoicev2_phone_number."
  }
}

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "voice" {
  description = "Origination identity of voice messages: the ARN of a phone number or pool, and the account's rate of calls. Null sends no voice messages."
  type = object({
    origination_identity_arn = string
    messages_per_second      = optional(number, 1)
  })
  default = null

  validation {
    condition     = var.voice == null || try(var.voice.messages_per_second > 0, false)
    error_message = "voice.messages_per_second must be above 0: it is the account's rate of calls. Use voice = null to send no voice messages."
  }
}
