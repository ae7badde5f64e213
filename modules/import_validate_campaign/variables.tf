variable "campaign" {
  description = "Module campaign_create, whose state machine creates the campaigns. `kms_key` is the customer managed KMS key of the state machine, if it has one."
  type = object({
    state_machine_arn = string
    kms_key           = optional(object({ arn = string }))
  })
}

variable "import" {
  description = "Module s3_triggered_import, whose notifications start validations."
  type = object({
    topic_arn = string
  })
}

variable "name" {
  description = "Prefix of every AWS name, unique among the modules of an account and region. Two copies with two names fit in one account."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,24}[a-z0-9])?$", var.name))
    error_message = "name must be 1-26 lower-case letters, digits or hyphens, start with a letter and end with a letter or digit: the names of buckets, roles and databases start with it. Choose such a name."
  }
}

variable "pinpoint" {
  description = "Pinpoint-compatible project: the `pinpoint` output of an engagement_hub, or { project_id = … } alone for a project that Amazon Pinpoint hosts."
  type = object({
    project_id = string
    api        = optional(object({ url = string, execution_arn = string }))
  })
}

variable "sms_template_name" {
  description = "SMS template of the campaigns."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$", var.sms_template_name))
    error_message = "sms_template_name must be 1-128 letters, digits, underscores and hyphens, starting with a letter or digit: Pinpoint allows no other template name."
  }
}

variable "validate" {
  description = "Module phone_number_validate, whose notifications start campaigns and whose state machine validates imported segments. `kms_key` is the customer managed KMS key of the state machine, if it has one."
  type = object({
    state_machine_arn = string
    topic_arn         = string
    kms_key           = optional(object({ arn = string }))
  })
}

variable "alarm" {
  description = "SNS topic that CloudWatch alarms notify. `detailed` adds alarms on single functions, throttling and failed notifications; the default alarms are for failures that need a person. Null creates the alarms without a notification."
  type = object({
    topic_arn = string
    detailed  = optional(bool, false)
  })
  default = null
}

variable "delay_minutes" {
  description = "Minutes between a successful validation and its campaign, in which a person can stop the campaign. 0 sends immediately."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.delay_minutes >= 0 && floor(var.delay_minutes) == var.delay_minutes
    error_message = "delay_minutes must be a whole number, 0 or more."
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

variable "max_recipients" {
  description = "Largest number of valid phone numbers of a file for a campaign. A file with more ends in a failure notification of campaign_create, and no message is sent. Null sets no limit."
  type        = number
  default     = null

  validation {
    condition     = var.max_recipients == null || try(var.max_recipients >= 0 && floor(var.max_recipients) == var.max_recipients, false)
    error_message = "max_recipients must be a whole number, 0 or more. Use null for no limit."
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

variable "phone_types" {
  description = "Phone types that can receive SMS, as PhoneNumberValidate names them."
  type        = list(string)
  default     = ["MOBILE", "PREPAID", "VOIP"]
  nullable    = false

  validation {
    condition     = length(var.phone_types) > 0 && length(setsubtract(var.phone_types, ["MOBILE", "PREPAID", "VOIP", "LANDLINE", "OTHER"])) == 0
    error_message = "phone_types must name at least one of MOBILE, PREPAID, VOIP, LANDLINE and OTHER; INVALID numbers never get a message."
  }
}

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "templates_by_file_prefix" {
  description = "SMS templates for files whose name starts with a key, such as { \"spring-\" = \"spring-sale\" }. The longest matching key counts. Other files use sms_template_name."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in values(var.templates_by_file_prefix) : can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$", name))])
    error_message = "templates_by_file_prefix must map to template names: 1-128 letters, digits, underscores and hyphens, starting with a letter or digit."
  }
}
