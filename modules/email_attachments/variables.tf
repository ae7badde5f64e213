variable "email" {
  description = "SES sender: the From address with or without a name, its verified identity, the configuration set whose events the project's event stream gets, and the sending rate of this channel. A configuration may name a sender of `other_senders`, whose keys are any words. Other senders of the account take their share of its rate. `recipient_identity_arns` are the verified identities of recipients, which an account in the SES sandbox needs besides."
  type = object({
    from_address            = string
    identity_arn            = string
    configuration_set       = optional(object({ name = string }))
    messages_per_second     = optional(number, 14)
    other_senders           = optional(map(object({ from_address = string, identity_arn = string })), {})
    recipient_identity_arns = optional(list(string), [])
  })

  validation {
    condition = alltrue([
      for from in concat([var.email.from_address], [for sender in values(var.email.other_senders) : sender.from_address]) :
      can(regex("^([^<>[:cntrl:]]*<)?[!-;=?-~]+@[A-Za-z0-9.-]+>?$", from)) && endswith(from, ">") == strcontains(from, "<")
    ])
    error_message = "email.from_address and the from_address of other_senders must be an address, or a name and an address, as in `News <news@example.com>`. SES takes ASCII letters in addresses: write a domain with other letters in its xn-- form."
  }

  validation {
    condition = alltrue([
      for arn in concat([var.email.identity_arn], [for sender in values(var.email.other_senders) : sender.identity_arn], var.email.recipient_identity_arns) :
      can(regex("^arn:[^:]+:ses:[^:]+:[0-9]{12}:identity/.+$", arn))
    ])
    error_message = "email.identity_arn, recipient_identity_arns and the identity_arn of other_senders must be ARNs of SES identities, such as arn:aws:ses:us-east-1:111122223333:identity/example.com."
  }

  validation {
    condition     = length(var.email.other_senders) <= 20 && length(join(",", [for sender in values(var.email.other_senders) : sender.from_address])) <= 1000
    error_message = "email.other_senders must be at most 20 senders with 1,000 characters of addresses: Lambda holds 4 KB of environment variables. Use a second copy of the module for more."
  }

  validation {
    condition     = var.email.messages_per_second > 0
    error_message = "email.messages_per_second must be above 0: it is the share of the account's SES sending rate that this channel may use."
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

variable "bucket" {
  description = "Existing bucket of the files, in this account. `kms_key` is the customer managed KMS key of its objects, if they have one. Null creates a bucket."
  type = object({
    name    = string
    kms_key = optional(object({ arn = string }))
  })
  default = null
}

variable "campaign_role" {
  description = "Role that calls the function for an engagement_hub: its output campaign_role_arn. Null for a project that Amazon Pinpoint hosts."
  type = object({
    arn = string
  })
  default = null
}

variable "files" {
  description = "Files of recipients. `prefix` is the folder of all files, and the only part of the bucket that the function reads. `type` is the extension for configurations without `FileType`, `largest_mb` the largest attachment, and `link_seconds` the longest life of a link, which ends earlier with the credentials of the function's role. `expiration_days` deletes files of the module's own bucket; null keeps them."
  type = object({
    prefix          = optional(string, "")
    type            = optional(string, ".pdf")
    largest_mb      = optional(number, 7)
    link_seconds    = optional(number, 3600)
    expiration_days = optional(number)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.files.prefix == "" || can(regex("^([A-Za-z0-9_=-][A-Za-z0-9._=-]*/)+$", var.files.prefix)) && length(var.files.prefix) <= 500
    error_message = "files.prefix must be empty, or a folder of at most 500 letters, digits and ._=- that ends with a slash and does not begin with one, such as `statements/`: it is in each key of S3 and in the environment of a function."
  }

  validation {
    condition     = can(regex("^(\\.[A-Za-z0-9]{1,10}){1,2}$", var.files.type))
    error_message = "files.type must be an extension with its dot, such as .pdf."
  }

  validation {
    condition     = var.files.largest_mb > 0 && var.files.largest_mb <= 28
    error_message = "files.largest_mb must be above 0 and at most 28: SES takes 40 MB per message, and base64 makes a file larger by 37 percent. Use Delivery LINK for larger files."
  }

  validation {
    condition     = var.files.link_seconds >= 60 && var.files.link_seconds <= 43200 && floor(var.files.link_seconds) == var.files.link_seconds
    error_message = "files.link_seconds must be a whole number from 60 to 43200: a link ends with the credentials of the role that signed it, and no session of a role lasts longer than 12 hours. Attach files that must stay available, or host them elsewhere."
  }

  validation {
    condition     = var.files.expiration_days == null || try(var.files.expiration_days >= 1 && floor(var.files.expiration_days) == var.files.expiration_days, false)
    error_message = "files.expiration_days must be a whole number of 1 or more: S3 expires objects by the day. Use null to keep files."
  }

  validation {
    condition     = var.files.expiration_days == null || var.bucket == null
    error_message = "files.expiration_days must be null with a bucket of yours: its lifecycle rules are yours. Leave files.expiration_days or bucket out."
  }
}

variable "force_destroy" {
  description = "Whether destroying the module also deletes the files in its bucket."
  type        = bool
  default     = false
  nullable    = false
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

variable "recheck_seconds" {
  description = "Age of a queued email from which its endpoint is read again before the send: one that opted out, is inactive, was deleted or has another address gets no email. 0 reads every endpoint again."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.recheck_seconds >= 0
    error_message = "recheck_seconds must be 0 or more."
  }
}

variable "sender_concurrency" {
  description = "Batches of ten emails that are sent at the same time, at most. An email with a file takes about a fifth of a second. Null is a fifth of email.messages_per_second, and 2 at least."
  type        = number
  default     = null

  validation {
    condition     = var.sender_concurrency == null || try(var.sender_concurrency >= 2 && var.sender_concurrency <= 1000 && floor(var.sender_concurrency) == var.sender_concurrency, false)
    error_message = "sender_concurrency must be a whole number from 2 to 1000: Lambda takes no other value for a queue. Use null to derive it from the rate."
  }
}

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "unsubscribe" {
  description = "List-Unsubscribe header for configurations without `Unsubscribe`: an https:// URL, a mailto: address, or both, with variables of the recipient such as {{Id}}. `one_click` adds List-Unsubscribe-Post: the URL must take a POST without a confirmation (RFC 8058). Null adds no header."
  type = object({
    url       = optional(string)
    mailto    = optional(string)
    one_click = optional(bool, false)
  })
  default = null

  validation {
    condition     = var.unsubscribe == null || try(var.unsubscribe.url != null || var.unsubscribe.mailto != null, false)
    error_message = "unsubscribe must have url, mailto or both. Use null for no List-Unsubscribe header."
  }

  validation {
    condition = var.unsubscribe == null || try(
      (var.unsubscribe.url == null || can(regex("^https://[^\\s<>]{1,440}$", var.unsubscribe.url))) &&
      (var.unsubscribe.mailto == null || can(regex("^mailto:[^\\s<>]{1,440}$", var.unsubscribe.mailto))), false
    )
    error_message = "unsubscribe.url must begin with https:// and unsubscribe.mailto with mailto:, without spaces and with at most 440 characters more."
  }

  validation {
    condition     = var.unsubscribe == null || try(!var.unsubscribe.one_click || var.unsubscribe.url != null, false)
    error_message = "unsubscribe.one_click needs unsubscribe.url: mail programs post to it (RFC 8058)."
  }
}
