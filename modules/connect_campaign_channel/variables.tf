variable "channel" {
  description = "Channel that contacts endpoints; give exactly one. `connect` starts a flow of an Amazon Connect instance with an outbound call: caller id by `source_phone_number` or by the queue, the ring timeout, answering machine detection (`await_prompt` starts the flow after the beep), and the calls per second, which the account's quota allows. `whatsapp` sends a template message from a phone number of AWS End User Messaging Social; a campaign can name another template. `other` is a channel that you added to the package: its name, settings, IAM policy, and pace."
  type = object({
    connect = optional(object({
      instance_id          = string
      contact_flow_id      = string
      queue_id             = optional(string)
      source_phone_number  = optional(string)
      ring_timeout_seconds = optional(number)
      answering_machine    = optional(object({ await_prompt = optional(bool, false) }))
      calls_per_second     = optional(number, 2)
    }))
    whatsapp = optional(object({
      phone_number_arn    = string
      template            = optional(object({ name = string, language = string }))
      meta_api_version    = optional(string, "v20.0")
      messages_per_second = optional(number, 20)
    }))
    other = optional(object({
      name                = string
      contacts_per_second = number
      settings            = optional(map(string), {})
      policy              = optional(object({ json = string }))
    }))
  })

  validation {
    condition     = length([for given in [var.channel.connect != null, var.channel.whatsapp != null, var.channel.other != null] : given if given]) == 1
    error_message = "channel must have exactly one of connect, whatsapp and other. Use a second copy of the module for a second channel."
  }

  validation {
    condition     = var.channel.connect == null || try(can(regex("^[0-9a-f-]{36}$", var.channel.connect.instance_id)) && can(regex("^[0-9a-f-]{36}$", var.channel.connect.contact_flow_id)) && (var.channel.connect.queue_id == null || can(regex("^[0-9a-f-]{36}$", var.channel.connect.queue_id))), false)
    error_message = "channel.connect must name the instance, the flow and the queue by their ids of 36 characters, which are the last parts of their ARNs."
  }

  validation {
    condition     = var.channel.connect == null || try(var.channel.connect.source_phone_number != null || var.channel.connect.queue_id != null, false)
    error_message = "channel.connect must have source_phone_number or queue_id: Connect needs a number to call from. Give a number of the instance, or a queue with an outbound caller id."
  }

  validation {
    condition     = var.channel.connect == null || try(var.channel.connect.source_phone_number == null || can(regex("^\\+[1-9][0-9]{6,14}$", var.channel.connect.source_phone_number)), false)
    error_message = "channel.connect.source_phone_number must be a number in E.164 format, such as +12065550100."
  }

  validation {
    condition     = var.channel.connect == null || try(var.channel.connect.ring_timeout_seconds == null ? true : contains(range(15, 61), var.channel.connect.ring_timeout_seconds), false)
    error_message = "channel.connect.ring_timeout_seconds must be a whole number from 15 to 60: Connect allows no other. Use null for 60."
  }

  validation {
    condition     = var.channel.whatsapp == null || try(can(regex("^arn:[^:]+:social-messaging:[^:]+:[0-9]{12}:phone-number-id/[0-9a-zA-Z]+$", var.channel.whatsapp.phone_number_arn)), false)
    error_message = "channel.whatsapp.phone_number_arn must be the ARN of a phone number of AWS End User Messaging Social, such as arn:aws:social-messaging:us-east-1:111122223333:phone-number-id/0123."
  }

  validation {
    condition     = var.channel.whatsapp == null || try(can(regex("^v[0-9]+\\.[0-9]+$", var.channel.whatsapp.meta_api_version)), false)
    error_message = "channel.whatsapp.meta_api_version must be a version such as v20.0."
  }

  validation {
    condition     = var.channel.other == null || try(can(regex("^[a-z][a-z0-9_]{0,49}$", var.channel.other.name)) && !contains(["connect", "whatsapp"], var.channel.other.name), false)
    error_message = "channel.other.name must be the name of a channel that you added to the package: 1-50 lower-case letters, digits and underscores, other than connect and whatsapp."
  }

  validation {
    condition     = var.channel.other == null || try(length(jsonencode(var.channel.other.settings)) <= 2500, false)
    error_message = "channel.other.settings must have at most 2,500 characters as JSON: they are in the environment of a function, which has 4 KB. Keep long settings in Parameter Store, and give the name of the parameter."
  }

  validation {
    condition = alltrue([for rate in concat(
      var.channel.connect[*].calls_per_second, var.channel.whatsapp[*].messages_per_second, var.channel.other[*].contacts_per_second
    ) : try(rate >= 0.1 && rate <= 400, false)])
    error_message = "channel must have a pace from 0.1 to 400 a second: a slower contact would outlive its message's visibility, and Lambda reads a queue with no more invocations for a faster one."
  }
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

variable "alarm" {
  description = "SNS topic that CloudWatch alarms notify. `detailed` adds alarms on single functions, throttling and failed notifications; the default alarms are for failures that need a person. Null creates the alarms without a notification."
  type = object({
    topic_arn = string
    detailed  = optional(bool, false)
  })
  default = null
}

variable "calling_hours" {
  description = "Hours of the day and days of the week in which endpoints are contacted, in the time zone of each: its Demographic.Timezone, or else the zones of its number, or else `default_time_zone`. An endpoint without a zone is skipped. Other endpoints wait for the hours. Null contacts at any hour."
  type = object({
    opens             = optional(string, "09:00")
    closes            = optional(string, "20:00")
    days              = optional(list(string), ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"])
    default_time_zone = optional(string)
  })
  default = {}

  validation {
    condition     = var.calling_hours == null || try(can(regex("^([01][0-9]|2[0-3]):[0-5][0-9]$", var.calling_hours.opens)) && can(regex("^([01][0-9]|2[0-3]):[0-5][0-9]$", var.calling_hours.closes)) && var.calling_hours.opens != var.calling_hours.closes, false)
    error_message = "calling_hours.opens and calling_hours.closes must be two different times of day, HH:MM from 00:00 to 23:59. Use null to contact at any hour."
  }

  validation {
    condition     = var.calling_hours == null || try(length(var.calling_hours.days) >= 1 && length(setsubtract(var.calling_hours.days, ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"])) == 0, false)
    error_message = "calling_hours.days must have one or more of MON, TUE, WED, THU, FRI, SAT and SUN."
  }

  validation {
    condition     = var.calling_hours == null || try(var.calling_hours.default_time_zone == null || can(regex("^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$", var.calling_hours.default_time_zone)), false)
    error_message = "calling_hours.default_time_zone must be a name of the tz database, such as Europe/London. Use null to skip endpoints whose zone is not known."
  }
}

variable "campaign_role" {
  description = "Role that calls the function for an engagement_hub: its output campaign_role_arn. Null for a project that Amazon Pinpoint hosts."
  type = object({
    arn = string
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

variable "max_age_hours" {
  description = "Hours from a campaign's call after which an endpoint is no longer contacted: it waits for its calling hours and for the pace until then. Connect recognises a repeated call for a week."
  type        = number
  default     = 24
  nullable    = false

  validation {
    condition     = var.max_age_hours >= 1 && var.max_age_hours <= 160 && floor(var.max_age_hours) == var.max_age_hours
    error_message = "max_age_hours must be a whole number from 1 to 160: Connect recognises a repeated call for a week."
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

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}
