variable "name" {
  description = "Prefix of every AWS name, unique among the modules of an account and region. Two copies with two names fit in one account."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,24}[a-z0-9])?$", var.name))
    error_message = "name must be 1-26 lower-case letters, digits or hyphens, start with a letter and end with a letter or digit: the names of buckets, roles and databases start with it. Choose such a name."
  }
}

variable "sending" {
  description = "SES resources that the sender may use: the identities of the `from` addresses, and the configuration sets and templates that messages name. Templates of [\"*\"] allow every template of the account. `recipient_identity_arns` are the verified identities of recipients, which an account in the SES sandbox needs besides."
  type = object({
    identity_arns           = list(string)
    templates               = list(string)
    configuration_sets      = optional(list(string), [])
    recipient_identity_arns = optional(list(string), [])
  })

  validation {
    condition     = length(var.sending.identity_arns) > 0 && alltrue([for arn in var.sending.identity_arns : can(regex("^arn:[^:]+:ses:[^:]+:[0-9]{12}:identity/.+$", arn))])
    error_message = "sending.identity_arns must name at least one SES identity by its ARN, arn:aws:ses:…:identity/…: without an identity no email can be sent. Use the `arn` of an aws_sesv2_email_identity."
  }

  validation {
    condition     = alltrue([for arn in var.sending.recipient_identity_arns : can(regex("^arn:[^:]+:ses:[^:]+:[0-9]{12}:identity/.+$", arn))])
    error_message = "sending.recipient_identity_arns must hold ARNs of SES identities, arn:aws:ses:…:identity/…: SES asks for permission on them in the sandbox. Use [] outside the sandbox."
  }

  validation {
    condition     = length(var.sending.templates) > 0 && alltrue([for name in var.sending.templates : can(regex("^(\\*|[A-Za-z0-9_-]{1,64})$", name))])
    error_message = "sending.templates must hold at least one name of an SES template, of 1-64 letters, digits, hyphens or underscores: every message names a template. Use [\"*\"] for every template of the account."
  }

  validation {
    condition     = alltrue([for name in var.sending.configuration_sets : can(regex("^[A-Za-z0-9_-]{1,64}$", name))])
    error_message = "sending.configuration_sets must hold names of 1-64 letters, digits, hyphens or underscores, not ARNs. Use [] when no message names a configuration set."
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

variable "api" {
  description = "HTTP API in front of the queue. `authorization` is IAM (signed requests) or API_KEY (header x-api-key, compared with the text of a secret in Secrets Manager). Requests beyond `requests_per_second` and `burst` get status 429. Null creates no API: producers send to the queue."
  type = object({
    authorization       = optional(string, "IAM")
    api_key             = optional(object({ secret_arn = string, kms_key = optional(object({ arn = string })) }))
    requests_per_second = optional(number, 1000)
    burst               = optional(number, 2000)
  })
  default = {}

  validation {
    condition     = var.api == null || try(contains(["IAM", "API_KEY"], var.api.authorization), false)
    error_message = "api.authorization must be IAM or API_KEY; an API without authorization would let every caller send email. Use null to have no API."
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
  description = "Whether to create a CloudWatch dashboard of the queue and the sender. The first three dashboards of an account are free. Each further dashboard costs 3 USD a month."
  type        = bool
  default     = false
  nullable    = false
}

variable "idempotency_days" {
  description = "Days during which a message with the identity of a sent message is not sent again."
  type        = number
  default     = 15
  nullable    = false

  validation {
    condition     = var.idempotency_days >= 15 && var.idempotency_days <= 366 && floor(var.idempotency_days) == var.idempotency_days
    error_message = "idempotency_days must be a whole number from 15 to 366: the queue keeps a message for 14 days, and the claim of a redelivered message must still exist."
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

variable "metadata_table" {
  description = "Existing DynamoDB table of users, with the partition key `user_id` (a string) and the map attribute `metadata`. `kms_key` is its customer managed KMS key, if it has one. Null creates a table."
  type = object({
    name    = string
    arn     = string
    kms_key = optional(object({ arn = string }))
  })
  default = null
}

variable "oldest_message_minutes" {
  description = "Alarm threshold for the age of the oldest message in the queue."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.oldest_message_minutes >= 1 && var.oldest_message_minutes <= 20160
    error_message = "oldest_message_minutes must be 1-20160: SQS deletes messages that are older than 14 days."
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

variable "sender" {
  description = "Concurrency and memory of the sender. One execution sends about 300 emails a second. Executions beyond the account's sending rate wait, and AWS bills the wait."
  type = object({
    maximum_concurrency = optional(number, 2)
    memory_mb           = optional(number, 1024)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.sender.maximum_concurrency >= 2 && var.sender.maximum_concurrency <= 1000 && floor(var.sender.maximum_concurrency) == var.sender.maximum_concurrency
    error_message = "sender.maximum_concurrency must be a whole number from 2 to 1000: Lambda accepts no other value for a queue."
  }

  validation {
    condition     = var.sender.memory_mb >= 256 && var.sender.memory_mb <= 10240
    error_message = "sender.memory_mb must be 256-10240: with less memory the sender has too little CPU for its calls, and Lambda offers no more."
  }
}

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}
