variable "identity_arns" {
  description = "ARNs of the SES identities that replies are sent from: the identities of from_address or, without it, of the addresses that receive email."
  type        = list(string)

  validation {
    condition = length(var.identity_arns) > 0 && alltrue([
      for arn in var.identity_arns : can(regex("^arn:[^:]+:ses:[^:]+:[0-9]{12}:identity/[^/]+$", arn))
    ])
    error_message = "identity_arns must name at least one SES identity by its ARN: use the arn of an aws_sesv2_email_identity."
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

variable "template" {
  description = "Template of the reply. The source SES is an SES template; PINPOINT is an email template of the project's host (a hub or Amazon Pinpoint)."
  type = object({
    name   = string
    source = optional(string, "SES")
  })

  validation {
    condition     = contains(["SES", "PINPOINT"], var.template.source)
    error_message = "template.source must be SES or PINPOINT: SES or the project's host holds the template."
  }

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.template.name))
    error_message = "template.name must be 1-64 letters, digits, hyphens or underscores, as SES and Pinpoint allow. Rename the template."
  }

  validation {
    condition     = var.template.source != "PINPOINT" || var.pinpoint != null
    error_message = "template.source PINPOINT needs pinpoint: give the hub's `pinpoint` output, or { project_id = … } for Amazon Pinpoint."
  }
}

variable "after" {
  description = "Receipt rule that precedes the module's rule in the rule set. Null puts the module's rule first."
  type        = string
  default     = null
}

variable "alarm" {
  description = "SNS topic that CloudWatch alarms notify. `detailed` adds alarms on single functions, throttling and failed notifications; the default alarms are for failures that need a person. Null creates the alarms without a notification."
  type = object({
    topic_arn = string
    detailed  = optional(bool, false)
  })
  default = null
}

variable "configuration_set" {
  description = "SES configuration set of the replies. Null sends replies without a configuration set."
  type = object({
    name = string
  })
  default = null
}

variable "from_address" {
  description = "From address of every reply. Null replies from the address that received the email."
  type        = string
  default     = null

  validation {
    condition     = var.from_address == null || can(regex("^[A-Za-z0-9!#%&'+/=^_`{|}~-]+(\\.[A-Za-z0-9!#%&'+/=^_`{|}~-]+)*@([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\\.)+[A-Za-z0-9-]+$", var.from_address))
    error_message = "from_address must be a bare ASCII address such as help@example.com, without a name or angle brackets: SES takes no other letters, and *, ? and $ would be patterns in the function's policy. Write the domain of another script in Punycode (xn--…)."
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

variable "own_addresses" {
  description = "Your own addresses, or whole domains, which never get a reply: other responders, ticket systems. The module adds from_address and the addresses in recipients."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for own in var.own_addresses : can(regex("^([!-+--;=?A-~]+@)?[A-Za-z0-9][A-Za-z0-9.-]*\\.[A-Za-z0-9-]+$", own))])
    error_message = "own_addresses must be bare ASCII addresses (robot@example.com) or domains (example.com), one per element. Write the domain of another script in Punycode (xn--…), as it is in the headers of email."
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
  description = "Pinpoint-compatible project: the `pinpoint` output of an engagement_hub, or { project_id = … } alone for a project that Amazon Pinpoint hosts. Null for an SES template."
  type = object({
    project_id = string
    api        = optional(object({ url = string, execution_arn = string }))
  })
  default = null
}

variable "recipient_identity_arns" {
  description = "ARNs of the verified SES identities of people who get replies. SES asks for permission on them too while the account is in the SES sandbox. Empty outside the sandbox."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for arn in var.recipient_identity_arns : can(regex("^arn:[^:]+:ses:[^:]+:[0-9]{12}:identity/[^/]+$", arn))
    ])
    error_message = "recipient_identity_arns must hold ARNs of SES identities: use the arn of an aws_sesv2_email_identity, or leave it out."
  }
}

variable "recipients" {
  description = "Recipients whose email gets a reply: addresses (help@example.com), domains (example.com) or all subdomains of a domain (.example.com), in lower case. Empty replies to email for every verified domain of the account."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition = length(var.recipients) <= 100 && alltrue([
      for recipient in var.recipients : can(regex("^([!#%&'+./0-9=^_`a-z{|}~-]+@|\\.)?[0-9a-z]([0-9a-z.-]*[0-9a-z])?\\.[0-9a-z-]+$", recipient))
    ])
    error_message = "recipients must be at most 100 lower-case ASCII addresses or domains, one per element: write [\"a@example.com\", \"b@example.com\"], not \"a@example.com,b@example.com\". The characters *, ? and $ would be patterns in the function's policy. Write the domain of another script in Punycode (xn--…)."
  }
}

variable "rule_set" {
  description = "Receipt rule set of the module's rule. Null uses the rule set that is active at plan."
  type = object({
    name = string
  })
  default = null
}

variable "stop_rule_set" {
  description = "Whether SES skips the later rules of the rule set for email that matches the module's rule."
  type        = bool
  default     = true
  nullable    = false
}

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "truncated_headers" {
  description = "Treatment of email whose header list SES truncated (at about 10 KB). IGNORE sends no reply, because the omitted headers may mark automatic email. ANSWER decides by the headers that are present."
  type        = string
  default     = "IGNORE"
  nullable    = false

  validation {
    condition     = contains(["ANSWER", "IGNORE"], var.truncated_headers)
    error_message = "truncated_headers must be IGNORE or ANSWER."
  }
}

variable "window_hours" {
  description = "Hours in which a sender gets at most one reply."
  type        = number
  default     = 24
  nullable    = false

  validation {
    condition     = var.window_hours >= 1 && var.window_hours <= 8760 && floor(var.window_hours) == var.window_hours
    error_message = "window_hours must be a whole number from 1 to 8760 (a year): without a window two automatic responders could reply to each other endlessly."
  }
}
