variable "name" {
  description = "Prefix of every AWS name; two copies with two names fit in one account."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,24}[a-z0-9])?$", var.name))
    error_message = "name must be 1-26 lower-case letters, digits or hyphens, start with a letter and end with a letter or digit: the names of buckets, roles and databases start with it. Choose such a name."
  }
}

variable "sending" {
  description = "What the sender may use: identities of SES that messages are `from`, and the configuration sets and templates they name. A template of [\"*\"] is any of the account's."
  type = object({
    identity_arns      = list(string)
    templates          = list(string)
    configuration_sets = optional(list(string), [])
  })

  validation {
    condition     = length(var.sending.identity_arns) > 0 && alltrue([for arn in var.sending.identity_arns : can(regex("^arn:[^:]+:ses:[^:]+:[0-9]{12}:identity/.+$", arn))])
    error_message = "sending.identity_arns must name at least one SES identity by its ARN, arn:aws:ses:…:identity/…: without one nothing can be sent. Use the `arn` of an aws_sesv2_email_identity."
  }

  validation {
    condition     = length(var.sending.templates) > 0 && alltrue([for name in var.sending.templates : can(regex("^(\\*|[A-Za-z0-9_-]{1,64})$", name))])
    error_message = "sending.templates must hold at least one name of an SES template, of 1-64 letters, digits, hyphens or underscores: every message is made of one. Use [\"*\"] for any."
  }

  validation {
    condition     = alltrue([for name in var.sending.configuration_sets : can(regex("^[A-Za-z0-9_-]{1,64}$", name))])
    error_message = "sending.configuration_sets must hold names of 1-64 letters, digits, hyphens or underscores, not ARNs. Use [] when messages name none."
  }
}

variable "alarm" {
  description = "SNS topic for alarm notifications. `detailed` adds alarms for single functions, throttling and notifications to those that mean that a person must act. Null makes the alarms without a notification."
  type = object({
    topic_arn = string
    detailed  = optional(bool, false)
  })
  default = null
}

variable "api" {
  description = "The HTTP API in front of the queue. `authorization` is IAM (signed requests) or API_KEY (header x-api-key, compared with the text of a secret in Secrets Manager); requests beyond `requests_per_second` and `burst` are answered 429. Null leaves the queue as the only way in."
  type = object({
    authorization       = optional(string, "IAM")
    api_key             = optional(object({ secret_arn = string, kms_key = optional(object({ arn = string })) }))
    requests_per_second = optional(number, 1000)
    burst               = optional(number, 2000)
  })
  default = {}

  validation {
    condition     = var.api == null || try(contains(["IAM", "API_KEY"], var.api.authorization), false)
    error_message = "api.authorization must be IAM or API_KEY; an API that anybody may use would let anybody send. Use null to have no API."
  }

  validation {
    condition     = var.api == null || try((var.api.authorization == "API_KEY") == (var.api.api_key != null), false)
    error_message = "api.api_key must be given with authorization API_KEY, and only then: it names the secret that holds the key. With IAM leave it out."
  }

  validation {
    condition     = var.api == null || try(var.api.requests_per_second >= 1 && var.api.burst >= 1, false)
    error_message = "api.requests_per_second and api.burst must be 1 or more: 0 would refuse every request. Use null to have no API."
  }
}

variable "dashboard" {
  description = "Whether to make a CloudWatch dashboard of the queue and its senders. An account's first three dashboards are free, each further one costs 3 USD a month."
  type        = bool
  default     = false
  nullable    = false
}

variable "idempotency_days" {
  description = "Days during which a message of the same identity is not sent again."
  type        = number
  default     = 15
  nullable    = false

  validation {
    condition     = var.idempotency_days >= 15 && var.idempotency_days <= 366 && floor(var.idempotency_days) == var.idempotency_days
    error_message = "idempotency_days must be a whole number from 15 to 366: the queue keeps a message for 14 days, and one that comes back must still be known."
  }
}

variable "kms_key" {
  description = "Customer managed KMS key for data at rest; its key policy must allow the services in use. Null uses keys that AWS owns or manages."
  type = object({
    arn = string
  })
  default = null
}

variable "log_retention_days" {
  description = "Days that CloudWatch Logs keeps the logs. They hold ids and outcomes, never an address, a number or a body."
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

variable "metadata_table" {
  description = "An existing DynamoDB table of users: string key `user_id`, map attribute `metadata`; with its KMS key where it is customer managed. Null makes a table."
  type = object({
    name    = string
    arn     = string
    kms_key = optional(object({ arn = string }))
  })
  default = null
}

variable "oldest_message_minutes" {
  description = "Age of the oldest message, in minutes, from which an alarm tells that the queue does not keep up."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.oldest_message_minutes >= 1 && var.oldest_message_minutes <= 20160
    error_message = "oldest_message_minutes must be 1-20160: SQS deletes what is older than 14 days."
  }
}

variable "packages" {
  description = "Lambda packages. `directory` is a folder of zips, which the module uploads to a bucket of its own; null is dist/ of this release. `s3` names a bucket and a key prefix that hold the zips already; a new release needs a new prefix, because Lambda reads a key once."
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
    error_message = "packages.directory and packages.s3 must not both be given: the zips come from the one or the other. Leave one out."
  }
}

variable "sender" {
  description = "How many senders work at a time, and the memory of each. One sends some 300 emails a second; more of them than the account's rate needs only wait, and waiting is paid for."
  type = object({
    maximum_concurrency = optional(number, 2)
    memory_mb           = optional(number, 1024)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.sender.maximum_concurrency >= 2 && var.sender.maximum_concurrency <= 1000 && floor(var.sender.maximum_concurrency) == var.sender.maximum_concurrency
    error_message = "sender.maximum_concurrency must be a whole number from 2 to 1000: Lambda takes no other for a queue."
  }

  validation {
    condition     = var.sender.memory_mb >= 256 && var.sender.memory_mb <= 10240
    error_message = "sender.memory_mb must be 256-10240: below that the sender has too little CPU for its calls, and Lambda offers no more."
  }
}

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}
