variable "name" {
  description = "Prefix of every AWS name, unique among the modules of an account and region. Two copies with two names fit in one account."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,24}[a-z0-9])?$", var.name))
    error_message = "name must be 1-26 lower-case letters, digits or hyphens, start with a letter and end with a letter or digit: the names of buckets, roles and databases start with it. Choose such a name."
  }
}

variable "origination_identities" {
  description = "Origination identities that files may send from: any key => the ARN of the phone number, short code, pool or sender ID, its `name` in the column short_code of a file (the key is understood as well), and the message parts that it may send per second. Files that send from one identity share its rate."
  type = map(object({
    arn                      = string
    name                     = string
    message_parts_per_second = optional(number, 1)
  }))
  nullable = false

  validation {
    condition     = length(var.origination_identities) >= 1 && length(var.origination_identities) <= 10
    error_message = "origination_identities must have 1 to 10 entries: functions take them in 4 KB of environment variables. Use a second module for more."
  }

  validation {
    condition     = alltrue([for key in keys(var.origination_identities) : can(regex("^[a-z][a-z0-9-]{0,19}$", key))])
    error_message = "origination_identities must have keys of 1-20 lower-case letters, digits or hyphens that start with a letter: the names of queues end with them."
  }

  validation {
    condition     = !contains(keys(var.origination_identities), "dead-letter")
    error_message = "origination_identities must not have the key dead-letter: the queue of the key would have the name of the dead-letter queue. Choose another key."
  }

  validation {
    condition = length(distinct([
      for identity in values(var.origination_identities) :
      can(regex("^[0-9+-]+$", identity.name)) ? replace(identity.name, "/[+-]/", "") : lower(identity.name)
      ])) == length(var.origination_identities) && alltrue([
      for key, identity in var.origination_identities : identity.name == key || !contains(keys(var.origination_identities), identity.name)
    ])
    error_message = "origination_identities.name must differ from the other names, in more than case or the plus sign of a number, and from the keys of other entries: a row of a file would fit two entries. Give one of them another name."
  }

  validation {
    condition     = alltrue([for identity in values(var.origination_identities) : can(regex("^arn:[a-z-]+:sms-voice:[a-z0-9-]+:[0-9]{12}:(phone-number|pool|sender-id)/.+$", identity.arn))])
    error_message = "origination_identities.arn must be the ARN of a phone number, a pool or a sender ID of End User Messaging, such as arn:aws:sms-voice:us-east-1:111122223333:phone-number/phone-0123."
  }

  validation {
    condition     = alltrue([for identity in values(var.origination_identities) : can(regex("^[A-Za-z0-9+_-]{1,50}$", identity.name))])
    error_message = "origination_identities.name must be 1-50 letters, digits, plus signs, hyphens or underscores: the number, short code or sender ID as files name it."
  }

  validation {
    condition     = alltrue([for identity in values(var.origination_identities) : identity.message_parts_per_second >= 0.1 && identity.message_parts_per_second <= 200])
    error_message = "origination_identities.message_parts_per_second must be from 0.1 to 200: the quota of the identity, 1 for a long code and 100 for a short code. Use several identities for more."
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

variable "bucket" {
  description = "Existing bucket to watch. `kms_key` is the customer managed KMS key of its objects, if they have one. The bucket must send events to Amazon EventBridge: the module does not change its notification configuration. Null creates a bucket."
  type = object({
    name    = string
    kms_key = optional(object({ arn = string }))
  })
  default = null
}

variable "configuration_set" {
  description = "End User Messaging SMS configuration set of the messages, which publishes their delivery events. Null sends messages without a configuration set."
  type = object({
    name = string
  })
  default = null

  validation {
    condition     = var.configuration_set == null || try(can(regex("^[A-Za-z0-9_-]{1,64}$", var.configuration_set.name)), false)
    error_message = "configuration_set.name must be 1-64 letters, digits, hyphens or underscores, not an ARN."
  }
}

variable "default_identity" {
  description = "Key of the origination identity of rows without short_code. Null rejects such rows."
  type        = string
  default     = null

  validation {
    condition     = var.default_identity == null || contains(keys(var.origination_identities), coalesce(var.default_identity, "-"))
    error_message = "default_identity must be a key of origination_identities. Use null to reject rows without short_code."
  }
}

variable "default_message_type" {
  description = "Type of the messages of rows without message_type: TRANSACTIONAL or PROMOTIONAL. Null rejects such rows."
  type        = string
  default     = null

  validation {
    condition     = var.default_message_type == null || contains(["PROMOTIONAL", "TRANSACTIONAL"], coalesce(var.default_message_type, "-"))
    error_message = "default_message_type must be TRANSACTIONAL or PROMOTIONAL. Use null to reject rows without message_type."
  }
}

variable "force_destroy" {
  description = "Whether destroying the module also deletes the files in its buckets: dropped files, result files and work files."
  type        = bool
  default     = false
  nullable    = false
}

variable "idempotency_days" {
  description = "Days during which the rows of a version of a file are not sent again, also by an execution that is started by hand. They begin with the run."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.idempotency_days >= 15 && var.idempotency_days <= 366 && floor(var.idempotency_days) == var.idempotency_days
    error_message = "idempotency_days must be a whole number from 15 to 366: the queue keeps a message for 14 days, and the claim of a redelivered message must still exist."
  }
}

variable "key_suffixes" {
  description = "Suffixes of the file names to send, such as [\".csv\", \".jsonl\"], in upper or lower case. Empty sends every file under the prefix."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for suffix in var.key_suffixes : length(suffix) > 0 && !strcontains(suffix, ",")])
    error_message = "key_suffixes must not be empty texts or hold commas. Use [] to send every file."
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

variable "prefix" {
  description = "Key prefix of the files to send. It usually ends in a slash."
  type        = string
  default     = "drop/"
  nullable    = false

  validation {
    condition     = length(var.prefix) > 0 && !startswith(var.prefix, "/")
    error_message = "prefix must not be empty or start with a slash, because S3 keys do not: use `drop/`."
  }
}

variable "result_days" {
  description = "Days that the work bucket keeps result files and status objects. They hold row numbers, message ids, reasons and the columns external_campaign_id, id_1 and id_2."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.result_days >= 8 && var.result_days <= 3650 && floor(var.result_days) == var.result_days
    error_message = "result_days must be a whole number from 8 to 3650: a run can take a week, and its status must exist until its end."
  }
}

variable "retry_minutes" {
  description = "Minutes for which a message that is throttled or refused temporarily is tried again. After that its row fails."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.retry_minutes >= 0 && var.retry_minutes <= 1440 && floor(var.retry_minutes) == var.retry_minutes
    error_message = "retry_minutes must be a whole number from 0 to 1440. 0 fails a row at the first temporary refusal."
  }
}

variable "send_within_hours" {
  description = "Hours from the start of a run in which its messages may be sent. Rows that are not sent by then fail, with that reason in the result file."
  type        = number
  default     = 24
  nullable    = false

  validation {
    condition     = var.send_within_hours >= 0.01 && var.send_within_hours <= 168
    error_message = "send_within_hours must be from 0.01 to 168: after a week an execution of Step Functions would have too many events. Split a file that takes longer, or give its number a higher rate."
  }
}

variable "sending_hours" {
  description = "Hours in which messages may be sent, in the time zone of the recipient's number: `opens` and `closes` as HH:MM, `days` from MON to SUN. A number that can be in several zones gets messages while the hours are open in all of them; `default_time_zone` is for numbers without a known zone. Other rows wait for the hours. Null sends at any time."
  type = object({
    opens             = string
    closes            = string
    days              = optional(list(string), ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"])
    default_time_zone = optional(string, "UTC")
  })
  default = null

  validation {
    condition = var.sending_hours == null || try(
      can(regex("^([01][0-9]|2[0-3]):[0-5][0-9]$", var.sending_hours.opens)) &&
      can(regex("^([01][0-9]|2[0-3]):[0-5][0-9]$", var.sending_hours.closes)) &&
      var.sending_hours.opens != var.sending_hours.closes, false
    )
    error_message = "sending_hours.opens and sending_hours.closes must be two different times from 00:00 to 23:59. Use null to send at any time."
  }

  validation {
    condition = var.sending_hours == null || try(
      length(var.sending_hours.days) > 0 && alltrue([for day in var.sending_hours.days : contains(["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"], day)]), false
    )
    error_message = "sending_hours.days must have at least one of MON, TUE, WED, THU, FRI, SAT and SUN."
  }

  validation {
    condition     = var.sending_hours == null || try(can(regex("^[A-Za-z][A-Za-z0-9_+/-]{0,63}$", var.sending_hours.default_time_zone)), false)
    error_message = "sending_hours.default_time_zone must be a name of the tz database, such as America/New_York."
  }
}

variable "subscriptions" {
  description = "Subscriptions of the notification topic: any key => the protocol (email, https or sqs) and the endpoint (address, URL or queue ARN). `notification_types` selects among started, success and failure; empty selects all. An email address and a URL must confirm the subscription; a queue needs a policy that lets the topic send."
  type = map(object({
    protocol           = string
    endpoint           = string
    notification_types = optional(list(string), [])
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for subscription in values(var.subscriptions) : contains(["email", "https", "sqs"], subscription.protocol)])
    error_message = "subscriptions must have the protocol email, https or sqs. Other protocols subscribe to the output topic_arn."
  }

  validation {
    condition     = alltrue(flatten([for subscription in values(var.subscriptions) : [for type in subscription.notification_types : contains(["started", "success", "failure"], type)]]))
    error_message = "subscriptions.notification_types must be among started, success and failure: the module publishes no other notification."
  }
}

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}
