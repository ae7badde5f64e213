variable "default_template" {
  description = "Template of recipients for whom no rule holds."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", var.default_template))
    error_message = "default_template must be 1-64 letters, digits, hyphens or underscores and start with a letter or digit: it is part of keys and URLs. Choose such a name."
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

variable "allowed" {
  description = "Campaigns and journeys whose endpoints get attributes; the endpoints of others pass unchanged. A campaign is named by its id, so that a hook of the whole project can serve some campaigns. Null serves every campaign and journey that calls the function."
  type = object({
    campaign_ids = optional(list(string), [])
    journey_ids  = optional(list(string), [])
  })
  default = null

  validation {
    condition     = var.allowed == null || try(length(var.allowed.campaign_ids) + length(var.allowed.journey_ids) >= 1, false)
    error_message = "allowed must have a campaign or a journey: without one the hook would change nothing. Use null to serve every campaign."
  }

  validation {
    condition     = var.allowed == null || try(alltrue([for id in concat(var.allowed.campaign_ids, var.allowed.journey_ids) : can(regex("^[A-Za-z0-9-]{1,100}$", id))]), false)
    error_message = "allowed must have ids of campaigns and journeys: letters, digits and hyphens. A name is no id: use the member Id of the API's answer."
  }
}

variable "campaign_role" {
  description = "Role that calls the function for an engagement_hub: its output campaign_role_arn. Null for a project that Amazon Pinpoint hosts."
  type = object({
    arn = string
  })
  default = null
}

variable "content_cache" {
  description = "Contents that an execution environment keeps: seconds until the store is asked again, and seconds for which an older content is used when the store fails. 0 keeps nothing."
  type = object({
    seconds       = optional(number, 300)
    stale_seconds = optional(number, 86400)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.content_cache.seconds >= 0 && var.content_cache.seconds <= 86400
    error_message = "content_cache.seconds must be 0-86400: an execution environment lives for hours. Use 0 to ask the store for every call."
  }

  validation {
    condition     = var.content_cache.stale_seconds == 0 || var.content_cache.stale_seconds >= var.content_cache.seconds
    error_message = "content_cache.stale_seconds must not be less than content_cache.seconds: a content becomes stale after that time. Raise it, or use 0 for no stale content."
  }
}

variable "deadline_seconds" {
  description = "Time in which the source must have answered for a batch, its own retries included. The campaign waits 15 s for the whole invocation and makes three attempts."
  type        = number
  default     = 5
  nullable    = false

  validation {
    condition     = var.deadline_seconds >= 0.5 && var.deadline_seconds <= 10
    error_message = "deadline_seconds must be 0.5-10: with a cold start the function must answer within the 15 s that a campaign waits."
  }
}

variable "default_content" {
  description = "Content of recipients whose own cannot be given, with failure_policy = \"send_default\": subject, html and text, with placeholders. It is part of the function's environment, so keep it short. Null for the other policies."
  type = object({
    subject = string
    html    = optional(string)
    text    = optional(string)
  })
  default = null

  validation {
    condition     = var.default_content == null || try(trimspace(var.default_content.subject) != "", false)
    error_message = "default_content.subject must not be empty: an email needs a subject."
  }

  validation {
    condition     = var.default_content == null || try(coalesce(var.default_content.html, "") != "", false) || try(coalesce(var.default_content.text, "") != "", false)
    error_message = "default_content must have html or text: an email needs a body."
  }
}

variable "failure_policy" {
  description = "Policy for a recipient whose content cannot be fetched, rendered or sent in its size: send_default sends default_content, drop_recipient sends no message, fail_batch fails the call for its up to 50 endpoints, which the campaign repeats twice and then leaves out."
  type        = string
  default     = "fail_batch"
  nullable    = false

  validation {
    condition     = contains(["send_default", "drop_recipient", "fail_batch"], var.failure_policy)
    error_message = "failure_policy must be send_default, drop_recipient or fail_batch."
  }

  validation {
    condition     = (var.failure_policy == "send_default") == (var.default_content != null)
    error_message = "failure_policy and default_content belong together: send_default needs a default_content, and the other policies would never use it."
  }
}

variable "force_destroy" {
  description = "Whether destroying the module also deletes the contents in the bucket that it created."
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

variable "limits" {
  description = "Sizes of one recipient's rendered content: characters of the subject, bytes of the HTML and of the text. A function returns 6 MB for 50 recipients, and Gmail clips an email of more than 102 KB."
  type = object({
    subject_characters = optional(number, 200)
    html_bytes         = optional(number, 100000)
    text_bytes         = optional(number, 10000)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for limit in values(var.limits) : limit >= 1 && floor(limit) == limit])
    error_message = "limits must be whole numbers of 1 or more."
  }

  validation {
    condition     = var.limits.subject_characters * 4 + var.limits.html_bytes + var.limits.text_bytes <= 118000
    error_message = "limits must add up to at most 118,000 bytes, with four for a character of the subject: Lambda returns 6 MB for 50 recipients. Lower them, and use publish for larger contents."
  }
}

variable "locale_from" {
  description = "Variable of the endpoint that holds the locale: Demographic.Locale, Attributes.NAME or User.UserAttributes.NAME. de_AT and de-AT mean the same."
  type        = string
  default     = "Demographic.Locale"
  nullable    = false

  validation {
    condition     = can(regex("^(Demographic\\.Locale|(Attributes|User\\.UserAttributes)\\.[^.]{1,50})$", var.locale_from))
    error_message = "locale_from must be Demographic.Locale, Attributes.NAME or User.UserAttributes.NAME, with a name of 1-50 characters that has no full stop."
  }
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

variable "project_hook" {
  description = "Makes the function the hook of every campaign of the project that has no Hook of its own. The project's other settings stay, and a hook of another function is an error, not replaced. Null leaves the settings alone: name the output campaign_hook in the campaigns."
  type        = object({})
  default     = null
}

variable "publish" {
  description = "Publication of the bucket's contents as email templates of the project, for contents that are larger than an answer can hold: `templates` names the templates that are published, each locale as a template of its own with a new version for each change. A bucket of yours must send its events to EventBridge. Null publishes nothing."
  type = object({
    templates = list(string)
  })
  default = null

  validation {
    condition     = var.publish == null || try(length(var.publish.templates) >= 1 && alltrue([for template in var.publish.templates : can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", template))]), false)
    error_message = "publish.templates must name at least one template, each with 1-64 letters, digits, hyphens or underscores. Use null to publish nothing."
  }

  validation {
    condition     = var.publish == null || try(length(var.publish.templates) <= 50 && length(jsonencode([for template in var.publish.templates : { prefix = "${var.store.prefix}${template}/" }])) <= 1800, false)
    error_message = "publish.templates must be at most 50, and their prefixes must have at most 1,800 characters together as JSON: they are the pattern of an EventBridge rule, which has 2,048. Shorten store.prefix or the names, or use a second copy of the module."
  }

  validation {
    condition     = var.publish == null || var.store.cms == null && var.store.function == null
    error_message = "publish must be null for a CMS or a function: they report no change. Keep the contents that are published in the bucket."
  }
}

variable "store" {
  description = "Store of the contents. By default the module creates a versioned bucket and reads <prefix><template>/<locale>.json. `bucket` is a bucket of yours, with the customer managed KMS key of its objects, if they have one. `versions` pins contents: <template>/<locale> => the id of a version. `cms` is an HTTPS URL with {template} and {locale}, which answers 404 for a locale without content; `header` is sent with a secret of Secrets Manager or a parameter of the Parameter Store. `function` is a Lambda function of yours that gets {\"template\", \"locale\"} and returns the content or null."
  type = object({
    bucket = optional(object({
      name    = string
      kms_key = optional(object({ arn = string }))
    }))
    prefix   = optional(string, "templates/")
    versions = optional(map(string), {})
    cms = optional(object({
      url = string
      header = optional(object({
        name = optional(string, "Authorization")
        secret = optional(object({
          arn     = string
          kms_key = optional(object({ arn = string }))
        }))
        parameter = optional(object({
          arn     = string
          kms_key = optional(object({ arn = string }))
        }))
      }))
    }))
    function = optional(object({ arn = string }))
  })
  default  = {}
  nullable = false

  validation {
    condition     = length([for store in [var.store.bucket, var.store.cms, var.store.function] : store if store != null]) <= 1
    error_message = "store must have one of bucket, cms and function: contents come from one place. Leave all of them out for a bucket of the module."
  }

  validation {
    condition     = var.store.cms == null || try(can(regex("^https://([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?[.])+[A-Za-z][A-Za-z0-9-]+(:[1-9][0-9]{0,4})?([/?][A-Za-z0-9/._~!$&'()*+,;=:@%?{}-]*)?$", var.store.cms.url)) && strcontains(var.store.cms.url, "{template}") && strcontains(var.store.cms.url, "{locale}"), false)
    error_message = "store.cms.url must begin with https:// and the name of a public host, and have {template} and {locale}, such as https://cms.example.com/emails/{template}/{locale}."
  }

  validation {
    condition     = can(regex("^([A-Za-z0-9_.-]+/)*$", var.store.prefix))
    error_message = "store.prefix must be empty or end with a slash, and have letters, digits, dots, hyphens and underscores, such as emails/."
  }

  validation {
    condition     = alltrue([for name, version in var.store.versions : can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{0,63}/(default|[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?)$", name)) && version != ""])
    error_message = "store.versions must map <template>/<locale>, such as welcome/de-AT or welcome/default, to the id of a version."
  }

  validation {
    condition     = length(var.store.versions) == 0 || var.store.cms == null && var.store.function == null
    error_message = "store.versions must be empty for a CMS or a function: only S3 has versions here."
  }

  validation {
    condition     = try(var.store.cms.header, null) == null || length([for value in [try(var.store.cms.header.secret, null), try(var.store.cms.header.parameter, null)] : value if value != null]) == 1
    error_message = "store.cms.header must have exactly one of secret and parameter, whose text is the whole value of the header, such as Bearer and a token. Leave header out for a CMS without one."
  }

  validation {
    condition     = try(var.store.cms.header, null) == null || try(can(regex("^[A-Za-z0-9-]{1,100}$", var.store.cms.header.name)) && !contains(["accept", "accept-encoding", "connection", "content-length", "content-type", "host", "transfer-encoding"], lower(var.store.cms.header.name)), false)
    error_message = "store.cms.header.name must be 1-100 letters, digits or hyphens, and no header that the function sets itself, such as Host or Content-Type."
  }

  validation {
    condition     = try(var.store.cms.header.secret, null) == null || can(regex("^arn:[^:]+:secretsmanager:[^:]+:[0-9]{12}:secret:.+$", var.store.cms.header.secret.arn))
    error_message = "store.cms.header.secret.arn must be the whole ARN of a secret of Secrets Manager, with its six last characters."
  }

  validation {
    condition     = try(var.store.cms.header.parameter, null) == null || can(regex("^arn:[^:]+:ssm:[^:]+:[0-9]{12}:parameter/.+$", var.store.cms.header.parameter.arn))
    error_message = "store.cms.header.parameter.arn must be the ARN of a parameter of the Parameter Store."
  }

  validation {
    condition     = var.store.function == null || can(regex("^arn:[^:]+:lambda:[^:]+:[0-9]{12}:function:[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9_-]+)?$", var.store.function.arn))
    error_message = "store.function.arn must be the ARN of a Lambda function, with or without an alias or a version."
  }
}

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "template_rules" {
  description = "Rules that choose the template, in their order: the first rule whose conditions all hold decides. An attribute holds with one of the values, `locales` with the language or the exact locale, `treatments` with the TreatmentId of an A/B test (\"0\" is the default treatment)."
  type = list(object({
    template        = string
    attributes      = optional(map(list(string)), {})
    user_attributes = optional(map(list(string)), {})
    locales         = optional(list(string), [])
    treatments      = optional(list(string), [])
  }))
  default  = []
  nullable = false

  validation {
    condition     = alltrue([for rule in var.template_rules : can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", rule.template))])
    error_message = "template_rules must have templates of 1-64 letters, digits, hyphens or underscores that start with a letter or digit: they are part of keys and URLs."
  }

  validation {
    condition     = alltrue([for rule in var.template_rules : alltrue([for values in concat(values(rule.attributes), values(rule.user_attributes)) : length(values) >= 1])])
    error_message = "template_rules must have at least one value for each attribute: a rule without one never holds. Leave the attribute out."
  }

  validation {
    condition     = alltrue(flatten([for rule in var.template_rules : [for locale in rule.locales : can(regex("^[A-Za-z]{2,3}([-_][A-Za-z]{4})?([-_]([A-Za-z]{2}|[0-9]{3}))?$", locale))]]))
    error_message = "template_rules must have locales such as de, de-AT or zh-Hant-TW."
  }

  validation {
    condition     = alltrue(flatten([for rule in var.template_rules : [for treatment in rule.treatments : treatment != ""]]))
    error_message = "template_rules must have treatments that are not empty: \"0\" is the default treatment of a campaign."
  }

  validation {
    condition     = alltrue([for rule in var.template_rules : length(rule.attributes) + length(rule.user_attributes) + length(rule.locales) + length(rule.treatments) > 0])
    error_message = "template_rules must have a condition in each rule, among attributes, user_attributes, locales and treatments: a rule without one would hold for everyone. Correct the name of the condition, or use default_template."
  }

  validation {
    condition     = 3 * length(base64encode(jsonencode([var.template_rules, var.default_content, var.allowed, var.store.versions, var.store.prefix, try(var.store.cms.url, null)]))) / 4 <= 2800
    error_message = "template_rules, default_content, allowed and store must have at most 2,800 bytes together as JSON: they are the environment of a function, which has 4 KB. Shorten them, or use a second copy of the module."
  }
}
