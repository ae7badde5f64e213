variable "identity_arns" {
  description = "SES identities that replies may be sent from: those that cover from_address, or the addresses that are written to."
  type        = list(string)

  validation {
    condition = length(var.identity_arns) > 0 && alltrue([
      for arn in var.identity_arns : can(regex("^arn:[^:]+:ses:[^:]+:[0-9]{12}:identity/[^/]+$", arn))
    ])
    error_message = "identity_arns must name at least one SES identity by its ARN: use the arn of an aws_sesv2_email_identity."
  }
}

variable "name" {
  description = "Prefix of every name the module gives, and the name of the receipt rule; two copies with two names fit in one account."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?$", var.name))
    error_message = "name must be 1-30 lower-case letters, digits and hyphens, and start and end with a letter or digit: a receipt rule is called by it. Shorten it."
  }
}

variable "template" {
  description = "The template of the reply. source SES reads an SES template, PINPOINT an email template of the project's host (a hub or Amazon Pinpoint)."
  type = object({
    name   = string
    source = optional(string, "SES")
  })

  validation {
    condition     = contains(["SES", "PINPOINT"], var.template.source)
    error_message = "template.source must be SES or PINPOINT: one of the two keeps the template."
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
  description = "The rule of the rule set that this one comes after. Null makes it the first one."
  type        = string
  default     = null
}

variable "alarm" {
  description = "Who hears of trouble: the SNS topic that alarms notify. Null keeps the alarms but notifies nobody."
  type = object({
    topic_arn = string
  })
  default = null
}

variable "configuration_set" {
  description = "SES configuration set that replies are sent with. Null sends without one."
  type = object({
    name = string
  })
  default = null
}

variable "from_address" {
  description = "Address that every reply comes from. Null replies from the address that was written to."
  type        = string
  default     = null

  validation {
    condition     = var.from_address == null || can(regex("^[^@\\s<>,*]+@[^@\\s<>,*]+$", var.from_address))
    error_message = "from_address must be a bare address such as help@example.com, without a name or angle brackets."
  }
}

variable "kms_key_arn" {
  description = "Customer managed KMS key for data at rest; its key policy must allow the services in use. Null uses keys that AWS owns or manages."
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "Days that logs are kept: one of the periods CloudWatch Logs offers, such as 7, 30 or 365."
  type        = number
  default     = 30
  nullable    = false
}

variable "own_addresses" {
  description = "Addresses, or whole domains, that are never answered because they are yours: other responders, ticket systems. The addresses among recipients and from_address are known already."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for own in var.own_addresses : can(regex("^([^@\\s<>,]+@)?[^@\\s<>,.][^@\\s<>,]*\\.[^@\\s<>,]+$", own))])
    error_message = "own_addresses must be bare addresses (robot@example.com) or domains (example.com), one per element."
  }
}

variable "package_path" {
  description = "Path of the zip that holds the code. Null is dist/ses_auto_reply.zip of this release."
  type        = string
  default     = null
}

variable "pinpoint" {
  description = "The Pinpoint-compatible project to work on: the `pinpoint` output of an engagement_hub, or { project_id = … } alone for a project hosted by Amazon Pinpoint. Null where the template is an SES one."
  type = object({
    project_id = string
    api        = optional(object({ url = string, execution_arn = string }))
  })
  default = null
}

variable "recipients" {
  description = "Mail that is answered: to addresses (help@example.com), to domains (example.com) or to all their subdomains (.example.com), in lower case. Empty answers mail to every verified domain of the account."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition = length(var.recipients) <= 100 && alltrue([
      for recipient in var.recipients : can(regex("^([^@\\sA-Z<>,*]+@|\\.)?[^@\\sA-Z<>,*.][^@\\sA-Z<>,*]*\\.[^@\\sA-Z<>,*]+$", recipient))
    ])
    error_message = "recipients must be at most 100 lower-case addresses or domains, one per element: write [\"a@example.com\", \"b@example.com\"], not \"a@example.com,b@example.com\"."
  }
}

variable "rule_set" {
  description = "The receipt rule set that the rule goes into. Null takes the one that is active when Terraform plans."
  type = object({
    name = string
  })
  default = null
}

variable "stop_rule_set" {
  description = "Whether the rules behind this one are skipped for mail that matches it."
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
  description = "What happens to mail whose list of headers SES cut short (about 10 KB): IGNORE, because a mark of automatic mail may be among those left out, or ANSWER, by the headers that are there."
  type        = string
  default     = "IGNORE"
  nullable    = false

  validation {
    condition     = contains(["ANSWER", "IGNORE"], var.truncated_headers)
    error_message = "truncated_headers must be IGNORE or ANSWER."
  }
}

variable "window_hours" {
  description = "Hours in which a sender gets one answer at most."
  type        = number
  default     = 24
  nullable    = false

  validation {
    condition     = var.window_hours >= 1 && var.window_hours <= 8760 && floor(var.window_hours) == var.window_hours
    error_message = "window_hours must be a whole number from 1 to 8760 (a year): without a window two responders could write to each other for ever."
  }
}
