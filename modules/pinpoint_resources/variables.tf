variable "name" {
  description = "Prefix of every AWS name. It also marks the resources as managed by this module, so keep it."
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

variable "application_settings" {
  description = "Settings of the project: `properties` holds the members of WriteApplicationSettingsRequest as JSON. Null leaves the settings unchanged."
  type = object({
    properties = string
  })
  default = null

  validation {
    condition     = var.application_settings == null || can(keys(jsondecode(var.application_settings.properties)))
    error_message = "application_settings.properties must be a JSON object: write jsonencode({ … })."
  }
}

variable "channels" {
  description = "Channels of the project: `sms`, `email` or `voice` => the members of its request as JSON, such as jsonencode({ Enabled = true })."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for properties in values(var.channels) : can(keys(jsondecode(properties)))])
    error_message = "channels must map to JSON objects: write jsonencode({ … })."
  }

  validation {
    condition     = length(setsubtract(keys(var.channels), ["email", "sms", "voice"])) == 0
    error_message = "channels must have keys among email, sms and voice: this module manages no other channel."
  }
}

variable "email_templates" {
  description = "Email templates: any key => TemplateName and the members of EmailTemplateRequest as JSON. TakeOver = true replaces a template of the same name that was created elsewhere."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for properties in values(var.email_templates) : can(keys(jsondecode(properties)))])
    error_message = "email_templates must map to JSON objects: write jsonencode({ … })."
  }

  validation {
    condition     = length(distinct([for properties in values(var.email_templates) : try(jsondecode(properties).TemplateName, properties)])) == length(var.email_templates)
    error_message = "email_templates must have a TemplateName of its own for each key: two keys with one name would overwrite each other."
  }
}

variable "event_stream" {
  description = "Event stream of the project: the ARN of a Kinesis data stream or Firehose stream, and the ARN of the role that writes to it. `take_over` replaces an event stream that was registered elsewhere; without it such a stream is an error. Null registers no event stream."
  type = object({
    stream_arn = string
    role_arn   = string
    take_over  = optional(bool, false)
  })
  default = null
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

variable "pinpoint" {
  description = "Pinpoint-compatible project: the `pinpoint` output of an engagement_hub, or { project_id = … } alone for a project that Amazon Pinpoint hosts. Projects and templates need { api = … } alone; sms_event_destinations and sms_phone_numbers need no `pinpoint`."
  type = object({
    project_id = optional(string)
    api        = optional(object({ url = string, execution_arn = string }))
  })
  default = null

  validation {
    condition     = var.pinpoint != null || length(local.pinpoint_resources) == 0
    error_message = "pinpoint must be given for every input but sms_event_destinations and sms_phone_numbers: use the `pinpoint` output of an engagement_hub, or { project_id = … } for Amazon Pinpoint."
  }

  validation {
    condition     = var.application_settings == null && var.event_stream == null && length(var.channels) + length(var.segments) == 0 || try(var.pinpoint.project_id != null, false)
    error_message = "pinpoint.project_id must be given for application_settings, channels, event_stream and segments: they belong to a project. Use the `pinpoint` output of an engagement_hub that has one."
  }
}

variable "projects" {
  description = "Projects (apps): any key => Name, and tags, as JSON."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for properties in values(var.projects) : can(keys(jsondecode(properties)))])
    error_message = "projects must map to JSON objects: write jsonencode({ … })."
  }
}

variable "segments" {
  description = "Dimensional segments of the project: any key => the members of WriteSegmentRequest as JSON."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for properties in values(var.segments) : can(keys(jsondecode(properties)))])
    error_message = "segments must map to JSON objects: write jsonencode({ … })."
  }
}

variable "sms_event_destinations" {
  description = "Event destinations of End User Messaging SMS configuration sets: any key => ConfigurationSetName, EventDestinationName and the members of CreateEventDestination as JSON. They need no `pinpoint`."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for properties in values(var.sms_event_destinations) : can(keys(jsondecode(properties)))])
    error_message = "sms_event_destinations must map to JSON objects: write jsonencode({ … })."
  }
}

variable "sms_phone_numbers" {
  description = "Settings of origination numbers that the account has: any key => PhoneNumberId (the id or the ARN) and OptOutListName, SelfManagedOptOutsEnabled, TwoWayChannelArn, TwoWayChannelRole and TwoWayEnabled of UpdatePhoneNumber as JSON. Destroying restores the settings from before. TakeOver = true takes a number from another configuration. They need no `pinpoint`. A number of an aws_pinpointsmsvoicev2_phone_number has these settings as arguments, and needs no entry here."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for properties in values(var.sms_phone_numbers) : can(keys(jsondecode(properties))) && can(jsondecode(properties).PhoneNumberId)])
    error_message = "sms_phone_numbers must map to JSON objects with a PhoneNumberId: write jsonencode({ PhoneNumberId = … })."
  }

  validation {
    condition     = length(distinct([for properties in values(var.sms_phone_numbers) : try(jsondecode(properties).PhoneNumberId, properties)])) == length(var.sms_phone_numbers)
    error_message = "sms_phone_numbers must have a PhoneNumberId of its own for each key: two keys with one number would overwrite each other."
  }
}

variable "sms_templates" {
  description = "SMS templates: any key => TemplateName and the members of SMSTemplateRequest as JSON. TakeOver = true replaces a template of the same name that was created elsewhere."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for properties in values(var.sms_templates) : can(keys(jsondecode(properties)))])
    error_message = "sms_templates must map to JSON objects: write jsonencode({ … })."
  }

  validation {
    condition     = length(distinct([for properties in values(var.sms_templates) : try(jsondecode(properties).TemplateName, properties)])) == length(var.sms_templates)
    error_message = "sms_templates must have a TemplateName of its own for each key: two keys with one name would overwrite each other."
  }
}

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}
