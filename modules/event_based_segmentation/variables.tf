variable "event_stream" {
  description = "Kinesis data stream of the project's events: the `event_stream` output of the module event_stream, or the ARN of a stream and of its customer managed KMS key, if it has one."
  type = object({
    stream_arn = string
    kms_key    = optional(object({ arn = string }))
  })

  validation {
    condition     = can(regex("^arn:[^:]+:kinesis:[^:]+:[0-9]{12}:stream/[^/]+$", var.event_stream.stream_arn))
    error_message = "event_stream.stream_arn must be the ARN of a Kinesis data stream: use the `event_stream` output of the module event_stream."
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

variable "batches" {
  description = "Events of one update at most, and seconds to collect them. Larger batches need fewer calls of the API for the same events; attributes change later."
  type = object({
    size           = optional(number, 1000)
    window_seconds = optional(number, 2)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.batches.size >= 1 && var.batches.size <= 5000 && floor(var.batches.size) == var.batches.size
    error_message = "batches.size must be a whole number from 1 to 5000: the function updates the endpoints of a batch within three minutes."
  }

  validation {
    condition     = var.batches.window_seconds >= 0 && var.batches.window_seconds <= 300 && floor(var.batches.window_seconds) == var.batches.window_seconds
    error_message = "batches.window_seconds must be a whole number from 0 to 300: Lambda waits no longer for a batch."
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

variable "machine_opens" {
  description = "Opens and clicks of email that no rule counts, because a program caused them: `equals` lists whole user agents, `contains` parts of user agents. An empty object leaves out Apple's Mail Privacy Protection and the image proxies of Gmail and Yahoo, which also fetch images for people who do open the email. Null counts every open."
  type = object({
    equals   = optional(list(string), ["Mozilla/5.0"])
    contains = optional(list(string), ["GoogleImageProxy", "YahooMailProxy"])
  })
  default = null

  validation {
    condition     = var.machine_opens == null || try(length(var.machine_opens.equals) + length(var.machine_opens.contains) >= 1, false)
    error_message = "machine_opens must have a user agent in equals or contains: without one it leaves nothing out. Use null to count every open."
  }

  validation {
    condition     = var.machine_opens == null || try(alltrue([for agent in concat(var.machine_opens.equals, var.machine_opens.contains) : length(agent) >= 1]), false)
    error_message = "machine_opens must have no empty text in equals or contains: every user agent contains it. Remove it."
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

variable "rules" {
  description = "Rules by a key of yours: an event of `event_type` that meets all conditions on `attributes` (values, and `type` INCLUSIVE, EXCLUSIVE or CONTAINS) and `metrics` (`comparison` EQUAL, GREATER_THAN, GREATER_THAN_OR_EQUAL, LESS_THAN or LESS_THAN_OR_EQUAL) changes attributes of its endpoint and of its user. `add` and `remove` name values of a list, `set` the whole list, and `clear` attributes to empty. A value can have the placeholders {{attributes.NAME}}, {{metrics.NAME}}, {{event_type}} and {{event_time}}; the change then needs events with the attribute or metric. `until` ends a rule: events from this instant on do not count. The default sets email_opened for who opens an email, adds webinar5 to webinar_registration for who registers, and takes both back."
  type = map(object({
    event_type = string
    attributes = optional(map(object({
      values = list(string)
      type   = optional(string, "INCLUSIVE")
    })), {})
    metrics = optional(map(object({
      comparison = string
      value      = number
    })), {})
    endpoint = optional(object({
      add    = optional(map(list(string)), {})
      remove = optional(map(list(string)), {})
      set    = optional(map(list(string)), {})
      clear  = optional(list(string), [])
    }), {})
    user = optional(object({
      add    = optional(map(list(string)), {})
      remove = optional(map(list(string)), {})
      set    = optional(map(list(string)), {})
      clear  = optional(list(string), [])
    }), {})
    until = optional(string)
  }))
  default = {
    email_opened = {
      event_type = "_email.open"
      endpoint   = { set = { email_opened = ["true"] } }
    }
    webinar5_registered = {
      event_type = "registered_for_webinar5"
      endpoint   = { add = { webinar_registration = ["webinar5"] } }
    }
    webinar5_cancelled = {
      event_type = "cancelled_webinar5"
      endpoint   = { remove = { webinar_registration = ["webinar5"] } }
    }
    unsubscribed = {
      event_type = "_email.unsubscribe"
      endpoint   = { clear = ["email_opened"], remove = { webinar_registration = ["webinar5"] } }
    }
  }
  nullable = false

  validation {
    condition     = length(var.rules) >= 1
    error_message = "rules must have at least one rule: without one the function would never run."
  }

  validation {
    condition     = alltrue([for rule in values(var.rules) : length(rule.event_type) >= 1 && length(rule.event_type) <= 50])
    error_message = "rules must have an event_type of 1-50 characters, such as _email.open or the name that your app reports."
  }

  validation {
    condition     = length(jsonencode({ data = { event_type = distinct([for rule in values(var.rules) : rule.event_type]) } })) <= 4096
    error_message = "rules must be about event types that fit into a filter pattern of 4,096 characters, the limit of Lambda. Use fewer or shorter event types, or a second copy of the module."
  }

  validation {
    condition = alltrue([for rule in values(var.rules) : anytrue([for owner in [rule.endpoint, rule.user] :
      length(owner.add) + length(owner.remove) + length(owner.set) + length(owner.clear) >= 1
    ])])
    error_message = "rules must each have a change: add, remove, set or clear in endpoint or user."
  }

  validation {
    condition = alltrue(flatten([for rule in values(var.rules) : [for owner in [rule.endpoint, rule.user] : [
      for name in concat(keys(owner.add), keys(owner.remove), keys(owner.set), owner.clear) : length(name) >= 1 && length(name) <= 50
    ]]]))
    error_message = "rules must change attributes with names of 1-50 characters: an endpoint keeps no longer names. Shorten the name."
  }

  validation {
    condition = alltrue(flatten([for rule in values(var.rules) : [for owner in [rule.endpoint, rule.user] : [
      for values in concat(values(owner.add), values(owner.remove), values(owner.set)) : length(values) >= 1 && length(values) <= 50
    ]]]))
    error_message = "rules must have 1-50 values in each list of add, remove and set: an attribute keeps no more. Use clear to empty an attribute."
  }

  validation {
    condition = alltrue(flatten([for rule in values(var.rules) : [for owner in [rule.endpoint, rule.user] : [
      for values in concat(values(owner.add), values(owner.remove), values(owner.set)) : [
        for value in values : length(value) >= 1 && (strcontains(value, "{{") || length(value) <= 100)
      ]
    ]]]))
    error_message = "rules must have values of 1-100 characters: an endpoint keeps no longer values. Shorten the value."
  }

  validation {
    condition = alltrue(flatten([for rule in values(var.rules) : [for owner in [rule.endpoint, rule.user] : [
      for values in concat(values(owner.add), values(owner.remove), values(owner.set)) : [
        for value in values : !can(regex("[{][{]|[}][}]", replace(value, "/[{][{]\\s*((attributes|metrics)[.][^{}]+|event_type|event_time)\\s*[}][}]/", "")))
      ]
    ]]]))
    error_message = "rules must have the placeholders {{attributes.NAME}}, {{metrics.NAME}}, {{event_type}} and {{event_time}} only. Correct the text between the braces."
  }

  validation {
    condition = alltrue(flatten([for rule in values(var.rules) : [for owner in [rule.endpoint, rule.user] :
      length(setintersection(owner.clear, concat(keys(owner.add), keys(owner.remove), keys(owner.set)))) == 0
      && length(setintersection(keys(owner.set), concat(keys(owner.add), keys(owner.remove)))) == 0
    ]]))
    error_message = "rules must not clear or set an attribute that the same rule changes in another way: write the result with set."
  }

  validation {
    condition = alltrue(flatten([for rule in values(var.rules) : [for condition in values(rule.attributes) :
      contains(["INCLUSIVE", "EXCLUSIVE", "CONTAINS"], condition.type) && length(condition.values) >= 1
    ]]))
    error_message = "rules must have conditions on attributes with a type among INCLUSIVE, EXCLUSIVE and CONTAINS, and with at least one value."
  }

  validation {
    condition = alltrue(flatten([for rule in values(var.rules) : [for condition in values(rule.metrics) :
      contains(["EQUAL", "GREATER_THAN", "GREATER_THAN_OR_EQUAL", "LESS_THAN", "LESS_THAN_OR_EQUAL"], condition.comparison)
    ]]))
    error_message = "rules must have conditions on metrics with a comparison among EQUAL, GREATER_THAN, GREATER_THAN_OR_EQUAL, LESS_THAN and LESS_THAN_OR_EQUAL."
  }

  validation {
    condition     = alltrue([for rule in values(var.rules) : rule.until == null || can(formatdate("YYYY", rule.until))])
    error_message = "rules must have an instant in until, such as 2027-01-31T00:00:00Z. Use null for a rule without an end."
  }

  validation {
    condition     = length(jsonencode(var.rules)) <= 100000
    error_message = "rules must have at most 100,000 characters as JSON: they are one item of a DynamoDB table, which has 400 KB at most. Use a second copy of the module."
  }
}

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}
