variable "name" {
  description = "Prefix of every AWS name, unique among the modules of an account and region. Two copies with two names fit in one account."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,24}[a-z0-9])?$", var.name))
    error_message = "name must be 1-26 lower-case letters, digits or hyphens, start with a letter and end with a letter or digit: the names of buckets, roles and databases start with it. Choose such a name."
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

variable "campaign_function_arns" {
  description = "Lambda functions that campaigns may invoke as FILTER hook or custom channel. Another function can allow the role in output campaign_role_arn in its resource policy."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.campaign_function_arns : can(regex("^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]+$", arn))])
    error_message = "campaign_function_arns must be ARNs of Lambda functions without a version or alias: permission for a function includes them."
  }

  # IAM and STS quotas: a managed policy has 6,144 characters. This one names each ARN twice.
  validation {
    condition     = 2 * length(join("", var.campaign_function_arns)) + 9 * length(var.campaign_function_arns) <= 5900
    error_message = "campaign_function_arns must be at most about 39 ARNs of 70 characters: a managed policy has 6,144 characters. Leave some out, and allow the role in output campaign_role_arn in the resource policies of those functions."
  }
}

variable "email" {
  description = "SES sender of email: the From address with or without a name, its verified identity, the configuration set whose events the hub writes to event streams, and the sending rate of the account. The email channel of a project may name a sender of `other_senders` and a set of `other_configuration_sets` instead; their keys are any words. Null sends no email."
  type = object({
    from_address             = string
    identity_arn             = string
    configuration_set        = optional(object({ name = string }))
    messages_per_second      = optional(number, 14)
    other_configuration_sets = optional(map(object({ name = string })), {})
    other_senders            = optional(map(object({ from_address = string, identity_arn = string })), {})
  })
  default = null

  validation {
    condition = var.email == null || try(alltrue([
      for from in concat([var.email.from_address], [for sender in values(var.email.other_senders) : sender.from_address]) :
      can(regex("^([^<>[:cntrl:]]*<)?[!-;=?-~]+@[A-Za-z0-9.-]+>?$", from)) && endswith(from, ">") == strcontains(from, "<")
    ]), false)
    error_message = "email.from_address and the from_address of other_senders must be an address, or a name and an address, as in `News <news@example.com>`. SES takes ASCII letters in addresses: write a domain with other letters in its xn-- form."
  }

  validation {
    condition = var.email == null || try(
      length(var.email.other_senders) <= 20 && length(var.email.other_configuration_sets) <= 10
      && length(join(",", [for sender in values(var.email.other_senders) : sender.from_address])) <= 1500,
      false
    )
    error_message = "email.other_senders must be at most 20 senders with 1,500 characters of addresses, and other_configuration_sets at most 10: Lambda holds 4 KB of environment variables. Use a second hub for more."
  }

  validation {
    condition     = var.email == null || try(var.email.messages_per_second > 0, false)
    error_message = "email.messages_per_second must be above 0: it is the account's SES sending rate. Use email = null to send no email."
  }
}

variable "entity_events" {
  description = "Event bus for entity-change events: an event for each campaign, journey and segment that is created, changed or deleted. `event_bus_name` is a bus of this account and region. Null sends no events."
  type = object({
    event_bus_name = optional(string, "default")
  })
  default = null

  validation {
    condition     = var.entity_events == null || try(can(regex("^[A-Za-z0-9._-]{1,256}$", var.entity_events.event_bus_name)), false)
    error_message = "entity_events.event_bus_name must be the name of an event bus of this account and region, as in `default`. Use the name and not the ARN; a rule of that bus can send events to another account."
  }
}

variable "forward" {
  description = "Operations that the API hands on to AWS, which goes on answering them: `PhoneNumberValidate`, `SendOTPMessage`, `VerifyOTPMessage`, operations of push channels such as `UpdateGcmChannel`, `SendMessages` for push messages alone, and tag operations of the project at AWS. The API's role gets exactly the permission of each named operation. Operations without a name in the list are refused."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = length(setsubtract(var.forward, keys(local.forwardable))) == 0
    error_message = "forward must be names of operations that the hub can hand on to AWS, as boto3 and IAM spell them. Unknown or answered by the hub: ${join(", ", setsubtract(var.forward, keys(local.forwardable)))}. The table Operations of the README lists the operations."
  }

  validation {
    condition     = var.forward_project != null || alltrue([for name in var.forward : !strcontains(try(join(" ", local.forwardable[name]), ""), "{application-id}")])
    error_message = "forward names operations about a project, and forward_project is null. Give forward_project = { id = … }, a project of Amazon Pinpoint that represents the hub's projects."
  }

  validation {
    condition     = length(join(",", var.forward)) + (var.email == null ? 0 : length(join(",", [for sender in values(var.email.other_senders) : sender.from_address]))) <= 1700
    error_message = "forward and the addresses of email.other_senders must be at most 1,700 characters together: Lambda holds 4 KB of environment variables. Use a second hub for the senders or for the operations."
  }
}

variable "forward_project" {
  description = "Project of Amazon Pinpoint (`aws pinpoint create-app`) for the operations of `forward`: it represents every project of the hub, so that all of them share its push channels. Null is for operations without a project, such as PhoneNumberValidate."
  type = object({
    id = string
  })
  default = null

  validation {
    condition     = var.forward_project == null || try(can(regex("^[0-9a-f]{32}$", var.forward_project.id)), false)
    error_message = "forward_project.id must be the id of a project of Amazon Pinpoint: 32 hexadecimal digits, as `aws pinpoint get-apps` shows it. Use null for no project."
  }
}

variable "import_concurrency" {
  description = "Functions that one import job runs at a time: a file each, then a piece of 1,000 rows each. 8 leaves other functions room in an account with the reduced Lambda concurrency of 10. 25 reach 5,600 rows a second, where the default quota of a table (40,000 write units a second) bounds them, on a table that is warm."
  type        = number
  default     = 8
  nullable    = false

  validation {
    condition     = var.import_concurrency >= 1 && var.import_concurrency <= 1000 && floor(var.import_concurrency) == var.import_concurrency
    error_message = "import_concurrency must be a whole number from 1 to 1000: the Lambda concurrency that import jobs may take. Request a higher Lambda quota before a higher value."
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

variable "project" {
  description = "First project (app) to create. The output pinpoint names it. Null creates no project."
  type = object({
    name = string
  })
  default = null
}

variable "recommender_function_arns" {
  description = "Lambda functions that recommender configurations may name as RecommendationTransformerUri. Campaigns and direct sends invoke them. Another function can allow the roles in the outputs api_role_arn and campaign_role_arn in its resource policy."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.recommender_function_arns : can(regex("^arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]+$", arn))])
    error_message = "recommender_function_arns must be ARNs of Lambda functions without a version or alias: permission for a function includes them."
  }

  # IAM and STS quotas: see campaign_function_arns.
  validation {
    condition     = 2 * length(join("", var.recommender_function_arns)) + 9 * length(var.recommender_function_arns) <= 5900
    error_message = "recommender_function_arns must be at most about 39 ARNs of 70 characters: a managed policy has 6,144 characters. Leave some out, and allow the roles in the outputs api_role_arn and campaign_role_arn in the resource policies of those functions."
  }
}

variable "sms" {
  description = "Origination identity of text messages: the ARN of a phone number, pool or sender ID. Messages, and the SMS channel of a project, may name an identity of `other_origination_identity_arns` instead. The hub writes the events of the configuration set to event streams. `messages_per_second` is the rate of the identity. Null sends no SMS."
  type = object({
    origination_identity_arn        = string
    other_origination_identity_arns = optional(list(string), [])
    configuration_set               = optional(object({ name = string }))
    messages_per_second             = optional(number, 20)
  })
  default = null

  validation {
    condition     = var.sms == null || try(var.sms.messages_per_second > 0, false)
    error_message = "sms.messages_per_second must be above 0: it is the rate of the origination identity. Use sms = null to send no SMS."
  }

  validation {
    condition     = var.sms == null || try(alltrue([for arn in concat([var.sms.origination_identity_arn], var.sms.other_origination_identity_arns) : can(regex("^arn:[a-z-]+:sms-voice:[a-z0-9-]+:[0-9]{12}:(phone-number|pool|sender-id)/.+$", arn))]), false)
    error_message = "sms.origination_identity_arn and other_origination_identity_arns must be ARNs of phone numbers, pools or sender IDs of End User Messaging SMS: use the arn of an aws_pinpointsmsvoicev2_phone_number."
  }

  # IAM and STS quotas: the inline policies of a role have 10,240 characters together.
  validation {
    condition     = var.sms == null || try(length(join("", var.sms.other_origination_identity_arns)) + 3 * length(var.sms.other_origination_identity_arns) <= 2000, false)
    error_message = "sms.other_origination_identity_arns must be at most about 22 ARNs of 85 characters: they fill 2,000 of the 10,240 characters of a role's inline policies. Put the numbers into a pool and name the pool."
  }
}

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "voice" {
  description = "Origination identity of voice messages: the ARN of a phone number or pool, and the account's rate of calls. Null sends no voice messages."
  type = object({
    origination_identity_arn = string
    messages_per_second      = optional(number, 1)
  })
  default = null

  validation {
    condition     = var.voice == null || try(var.voice.messages_per_second > 0, false)
    error_message = "voice.messages_per_second must be above 0: it is the account's rate of calls. Use voice = null to send no voice messages."
  }
}
