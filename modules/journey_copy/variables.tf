variable "from" {
  description = "Project to copy from: the `pinpoint` output of an engagement_hub, or { project_id = … } for a project that Amazon Pinpoint hosts, in `region`. `role` is a role of the project's account that the functions assume, with the external id that its trust policy asks for; null uses the roles of the functions."
  type = object({
    pinpoint = object({
      project_id = string
      api        = optional(object({ url = string, execution_arn = string }))
    })
    region = optional(string)
    role   = optional(object({ arn = string, external_id = string }))
  })

  validation {
    condition     = var.from.region == null || var.from.pinpoint.api == null
    error_message = "from.region is for a project that Amazon Pinpoint hosts: the ARN of a hub's API names its region. Leave region out."
  }

  validation {
    condition     = var.from.role == null || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/", var.from.role.arn))
    error_message = "from.role.arn must be the ARN of an IAM role, arn:aws:iam::<account>:role/<name>: it names the account of the project. Use such an ARN."
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

variable "to" {
  description = "Project to copy to, described like `from`."
  type = object({
    pinpoint = object({
      project_id = string
      api        = optional(object({ url = string, execution_arn = string }))
    })
    region = optional(string)
    role   = optional(object({ arn = string, external_id = string }))
  })

  validation {
    condition     = var.to.region == null || var.to.pinpoint.api == null
    error_message = "to.region is for a project that Amazon Pinpoint hosts: the ARN of a hub's API names its region. Leave region out."
  }

  validation {
    condition     = var.to.role == null || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/", var.to.role.arn))
    error_message = "to.role.arn must be the ARN of an IAM role, arn:aws:iam::<account>:role/<name>: it names the account of the project. Use such an ARN."
  }

  validation {
    condition     = var.to.pinpoint.project_id != var.from.pinpoint.project_id || try(var.to.pinpoint.api.execution_arn, "") != try(var.from.pinpoint.api.execution_arn, "") || coalesce(var.to.region, data.aws_region.current.id) != coalesce(var.from.region, data.aws_region.current.id)
    error_message = "to must be another project than from: a journey is not copied onto itself. Name the project to copy to."
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

variable "copy_on_apply" {
  description = "Copy that `terraform apply` makes, and waits for up to 270 seconds. `journey_ids` are the journeys; null copies every journey. `dry_run` reports what would be created. `delete_copies_on_destroy` deletes copies that are still DRAFT when this input is removed or the module is destroyed. A new `revision` copies again. Null copies nothing on apply."
  type = object({
    journey_ids              = optional(list(string))
    dry_run                  = optional(bool, false)
    delete_copies_on_destroy = optional(bool, false)
    revision                 = optional(string, "1")
  })
  default = null

  validation {
    condition     = try(length(var.copy_on_apply.journey_ids) >= 1 && length(var.copy_on_apply.journey_ids) <= 1000, true) # null has no length
    error_message = "copy_on_apply.journey_ids must have 1 to 1,000 journey ids: one execution copies no more. Use null for every journey, or start the state machine several times."
  }

  validation {
    condition     = alltrue([for id in try(coalesce(var.copy_on_apply.journey_ids, []), []) : can(regex("^[0-9A-Za-z_-]{1,64}$", id))])
    error_message = "copy_on_apply.journey_ids must be journey ids: 1-64 letters, digits, hyphens or underscores. ListJourneys returns them."
  }
}

variable "force_destroy" {
  description = "Whether destroying the module also deletes the reports in its bucket."
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

variable "report_retention_days" {
  description = "Days until the report of a run expires. Null keeps reports."
  type        = number
  default     = 400

  validation {
    condition     = var.report_retention_days == null || try(var.report_retention_days >= 1 && floor(var.report_retention_days) == var.report_retention_days, false)
    error_message = "report_retention_days must be a whole number of 1 or more: S3 expires objects by the day. Use null to keep reports."
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

variable "substitutes" {
  description = "Resources of the target that take the place of resources of the source: any key => `from` and `to`. A null `to` leaves the member out, so that the project's default counts. Segments and templates without a substitute are copied; a template's `type` is EMAIL, SMS, PUSH or CUSTOM, and a null `version` is the active version."
  type = object({
    connect_campaigns   = optional(map(object({ from = string, to = optional(string) })), {})
    connect_roles       = optional(map(object({ from = string, to = optional(string) })), {})
    delivery_uris       = optional(map(object({ from = string, to = string })), {})
    from_addresses      = optional(map(object({ from = string, to = optional(string) })), {})
    origination_numbers = optional(map(object({ from = string, to = optional(string) })), {})
    segments            = optional(map(object({ from = string, to = string })), {})
    sender_ids          = optional(map(object({ from = string, to = optional(string) })), {})
    templates           = optional(map(object({ type = string, from = string, to = string, version = optional(string) })), {})
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for template in values(var.substitutes.templates) : contains(["EMAIL", "SMS", "PUSH", "CUSTOM"], template.type)])
    error_message = "substitutes.templates must have the type EMAIL, SMS, PUSH or CUSTOM: a journey sends no other messages."
  }

  validation {
    condition = alltrue([
      for kind in [
        values(var.substitutes.connect_campaigns)[*].from,
        values(var.substitutes.connect_roles)[*].from,
        values(var.substitutes.delivery_uris)[*].from,
        values(var.substitutes.from_addresses)[*].from,
        values(var.substitutes.origination_numbers)[*].from,
        values(var.substitutes.segments)[*].from,
        values(var.substitutes.sender_ids)[*].from,
        [for template in values(var.substitutes.templates) : "${template.type} ${template.from}"],
      ] : length(distinct(kind)) == length(kind)
    ])
    error_message = "substitutes must name each `from` of a kind once: a resource has one substitute. Remove one of the two keys."
  }
}

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}
