variable "configuration_set" {
  description = "End User Messaging SMS configuration set of the messages. Retries are sent with it, so that their own events reach the module; with `event_stream` it is the configuration set of the hub."
  type = object({
    name = string
  })

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.configuration_set.name))
    error_message = "configuration_set.name must be 1-64 letters, digits, hyphens or underscores, not an ARN."
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

variable "origination_identity_arns" {
  description = "Origination identities that retries may be sent from: ARNs of phone numbers and sender IDs of End User Messaging SMS. A retry has the number or sender ID of the failed message, so list every number of a pool."
  type        = list(string)

  validation {
    condition     = length(var.origination_identity_arns) >= 1 && length(var.origination_identity_arns) <= 20
    error_message = "origination_identity_arns must have 1-20 ARNs: a role's policy has room for no more. Use a copy of the module for more numbers."
  }

  validation {
    condition     = alltrue([for arn in var.origination_identity_arns : can(regex("^arn:[a-z-]+:sms-voice:[a-z0-9-]+:[0-9]{12}:(phone-number|sender-id)/.+$", arn))])
    error_message = "origination_identity_arns must be ARNs of phone numbers or sender IDs of End User Messaging SMS: use the arn of an aws_pinpointsmsvoicev2_phone_number. List the numbers of a pool, because an event names the number."
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

variable "concurrency" {
  description = "Batches of retries that are sent at the same time, at most. After an outage of a carrier many retries are due at once; fewer batches spread them."
  type        = number
  default     = 2
  nullable    = false

  validation {
    condition     = var.concurrency >= 2 && var.concurrency <= 1000 && floor(var.concurrency) == var.concurrency
    error_message = "concurrency must be a whole number from 2 to 1000: Lambda takes no other value for a queue."
  }
}

variable "event_stream" {
  description = "Kinesis data stream of the project's events: the `event_stream` output of the module event_stream, or the ARN of a stream and of its customer managed KMS key, if it has one. Null reads the events of the configuration set from End User Messaging, without a project's stream."
  type = object({
    stream_arn = string
    kms_key    = optional(object({ arn = string }))
  })

  default = null

  validation {
    condition     = var.event_stream == null || can(regex("^arn:[^:]+:kinesis:[^:]+:[0-9]{12}:stream/[^/]+$", try(var.event_stream.stream_arn, "")))
    error_message = "event_stream.stream_arn must be the ARN of a Kinesis data stream: use the `event_stream` output of the module event_stream, or null without a stream."
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

variable "pinpoint" {
  description = "Pinpoint-compatible project: the `pinpoint` output of an engagement_hub, or { project_id = … } alone for a project that Amazon Pinpoint hosts. Null retries only texts that their senders remembered, and no message of a campaign or journey."
  type = object({
    project_id = string
    api        = optional(object({ url = string, execution_arn = string }))
  })
  default = null
}

variable "retry" {
  description = "Failures that are retried, the wait before each retry, and the age at which retries end. `delays_seconds` has a number for each retry, so its length is the most retries of a message. `max_age_seconds` counts from the first send. A retry starts some seconds after its wait."
  type = object({
    statuses        = optional(list(string), ["CARRIER_UNREACHABLE", "TTL_EXPIRED", "UNKNOWN", "UNREACHABLE"])
    delays_seconds  = optional(list(number), [300, 1800, 7200])
    max_age_seconds = optional(number, 86400)
  })
  default  = {}
  nullable = false

  validation {
    condition     = length(var.retry.statuses) >= 1 && length(setsubtract(var.retry.statuses, ["CARRIER_UNREACHABLE", "TTL_EXPIRED", "UNKNOWN", "UNREACHABLE"])) == 0
    error_message = "retry.statuses must be among CARRIER_UNREACHABLE, TTL_EXPIRED, UNKNOWN and UNREACHABLE. Another try cannot change the other failures: BLOCKED, CARRIER_BLOCKED, SPAM, INVALID, INVALID_MESSAGE, MAX_PRICE_EXCEEDED and OPTED_OUT are final. Remove them."
  }

  validation {
    condition     = length(var.retry.delays_seconds) >= 1 && length(var.retry.delays_seconds) <= 10
    error_message = "retry.delays_seconds must have 1-10 numbers, one for each retry: every retry is a message that is paid for."
  }

  validation {
    condition     = alltrue([for delay in var.retry.delays_seconds : delay >= 0 && delay <= 86400 && floor(delay) == delay])
    error_message = "retry.delays_seconds must be whole numbers from 0 to 86400: a retry waits in a queue, a day at most."
  }

  validation {
    condition     = var.retry.max_age_seconds >= 60 && var.retry.max_age_seconds <= 604800 && floor(var.retry.max_age_seconds) == var.retry.max_age_seconds
    error_message = "retry.max_age_seconds must be a whole number from 60 to 604800, seven days: receipts of carriers arrive within three days."
  }

  validation {
    condition     = sum(concat([0], var.retry.delays_seconds)) <= var.retry.max_age_seconds
    error_message = "retry.delays_seconds must not add up to more than retry.max_age_seconds: the last retries would never be sent. Raise max_age_seconds, or leave out delays."
  }
}

variable "subscriptions" {
  description = "Subscriptions of the topic of final failures: any key => the protocol (email, https or sqs) and the endpoint (address, URL or queue ARN). Every notification has the type failure. An email address and a URL must confirm the subscription; a queue needs a policy that lets the topic send."
  type = map(object({
    protocol           = string
    endpoint           = string
    notification_types = optional(list(string), [])
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for subscription in values(var.subscriptions) : contains(["email", "https", "sqs"], subscription.protocol)])
    error_message = "subscriptions must have the protocol email, https or sqs. Other protocols subscribe to the output final_failure_topic_arn."
  }

  validation {
    condition     = alltrue(flatten([for subscription in values(var.subscriptions) : [for type in subscription.notification_types : type == "failure"]]))
    error_message = "subscriptions.notification_types must be empty or failure: the module publishes no other notification."
  }
}

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}
