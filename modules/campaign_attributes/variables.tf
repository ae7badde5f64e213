variable "attributes" {
  description = "Attributes that endpoints get, by their name in a message: {{Attributes.NAME}}, or {{Attributes.[NAME]}} for a name with a space or a full stop. `from` is the name at the source; null is the same name. `default` is the value where the policy of a failure is send_default; null leaves the endpoint as it is, so that its own value of this name is used, if it has one."
  type = map(object({
    from    = optional(string)
    default = optional(string)
  }))

  validation {
    condition     = length(var.attributes) >= 1
    error_message = "attributes must have at least one attribute: without one the hook would change nothing."
  }

  validation {
    condition     = alltrue([for name in keys(var.attributes) : length(name) >= 1 && length(name) <= 50])
    error_message = "attributes must have names of 1-50 characters: an endpoint keeps no longer names. Shorten the name, and give the source's name in from."
  }

  validation {
    condition     = alltrue([for attribute in values(var.attributes) : attribute.from == null || try(length(attribute.from) >= 1 && length(attribute.from) <= 255, false)])
    error_message = "attributes must have 1-255 characters in from: the name of the value at the source. Leave from out where the names are the same."
  }

  validation {
    condition     = alltrue([for attribute in values(var.attributes) : attribute.default == null || try(length(attribute.default) >= 1 && length(attribute.default) <= var.max_value_characters, false)])
    error_message = "attributes must have defaults of 1 to max_value_characters characters. Shorten the default, or use null for no default."
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

variable "attribute_source" {
  description = "Source of the values, exactly one of three. `table`: a DynamoDB table with an item per key, which the module creates unless `existing` names one of this account and Region; `expiry` names the attribute with the epoch seconds after which an item counts as gone; null is `expires_at` in the module's table, and items without an end in another. `https`: an endpoint that is asked for all keys of a batch, by POST with JSON or by GET; `header` is sent with a secret of Secrets Manager or a parameter of the Parameter Store. `function`: a Lambda function that gets the same JSON. `kms_key` is the customer managed key of the table, secret or parameter, if it has one."
  type = object({
    table = optional(object({
      existing = optional(object({
        arn     = string
        kms_key = optional(object({ arn = string }))
      }))
      partition_key = optional(object({
        name = optional(string, "id")
        type = optional(string, "S")
      }), {})
      expiry = optional(string)
    }))
    https = optional(object({
      url    = string
      method = optional(string, "POST")
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
      max_answer_bytes = optional(number, 1000000)
    }))
    function = optional(object({
      arn              = string
      max_answer_bytes = optional(number, 1000000)
    }))
  })
  default  = { table = {} }
  nullable = false

  validation {
    condition     = length([for source in [var.attribute_source.table, var.attribute_source.https, var.attribute_source.function] : source if source != null]) == 1
    error_message = "attribute_source must have exactly one of table, https and function. Use { table = {} } for a table that the module creates."
  }

  validation {
    condition     = try(var.attribute_source.table.existing, null) == null || can(regex("^arn:[^:]+:dynamodb:[^:]+:[0-9]{12}:table/[A-Za-z0-9_.-]{3,255}$", var.attribute_source.table.existing.arn))
    error_message = "attribute_source.table.existing.arn must be the ARN of a DynamoDB table of this account and Region, without an index."
  }

  validation {
    condition     = var.attribute_source.table == null || try(contains(["S", "N"], var.attribute_source.table.partition_key.type) && length(var.attribute_source.table.partition_key.name) >= 1 && length(var.attribute_source.table.partition_key.name) <= 255, false)
    error_message = "attribute_source.table.partition_key must have a name of 1-255 characters and the type S (text) or N (number): use the table's partition key. A table with a sort key cannot be read by its partition key alone; use a function as the source."
  }

  validation {
    condition     = try(var.attribute_source.table.expiry, null) == null || try(length(var.attribute_source.table.expiry) >= 1 && var.attribute_source.table.expiry != var.attribute_source.table.partition_key.name, false)
    error_message = "attribute_source.table.expiry must be the name of an attribute other than the partition key. Leave it out for the default."
  }

  validation {
    condition     = var.attribute_source.https == null || can(regex("^https://([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?[.])+[A-Za-z][A-Za-z0-9-]+(:[1-9][0-9]{0,4})?([/?][A-Za-z0-9/._~!$&'()*+,;=:@%?-]*)?$", var.attribute_source.https.url))
    error_message = "attribute_source.https.url must begin with https:// and the name of a public host, without a user, a fragment, an IP address or unquoted characters, such as https://offers.example.com/batch."
  }

  validation {
    condition     = var.attribute_source.https == null || try(contains(["GET", "POST"], var.attribute_source.https.method), false)
    error_message = "attribute_source.https.method must be GET or POST, in capital letters."
  }

  validation {
    condition     = try(var.attribute_source.https.header, null) == null || length([for value in [try(var.attribute_source.https.header.secret, null), try(var.attribute_source.https.header.parameter, null)] : value if value != null]) == 1
    error_message = "attribute_source.https.header must have exactly one of secret and parameter, whose text is the whole value of the header, such as Bearer and a token. Leave header out for an endpoint without one."
  }

  validation {
    condition     = try(var.attribute_source.https.header, null) == null || try(can(regex("^[A-Za-z0-9-]{1,100}$", var.attribute_source.https.header.name)) && !contains(["accept", "accept-encoding", "connection", "content-length", "content-type", "host", "transfer-encoding"], lower(var.attribute_source.https.header.name)), false)
    error_message = "attribute_source.https.header.name must be 1-100 letters, digits or hyphens, and no header that the function sets itself, such as Host or Content-Type."
  }

  validation {
    condition     = try(var.attribute_source.https.header.secret, null) == null || can(regex("^arn:[^:]+:secretsmanager:[^:]+:[0-9]{12}:secret:.+$", var.attribute_source.https.header.secret.arn))
    error_message = "attribute_source.https.header.secret.arn must be the whole ARN of a secret of Secrets Manager, with its six last characters."
  }

  validation {
    condition     = try(var.attribute_source.https.header.parameter, null) == null || can(regex("^arn:[^:]+:ssm:[^:]+:[0-9]{12}:parameter/.+$", var.attribute_source.https.header.parameter.arn))
    error_message = "attribute_source.https.header.parameter.arn must be the ARN of a parameter of the Parameter Store."
  }

  validation {
    condition     = var.attribute_source.function == null || can(regex("^arn:[^:]+:lambda:[^:]+:[0-9]{12}:function:[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9_-]+)?$", var.attribute_source.function.arn))
    error_message = "attribute_source.function.arn must be the ARN of a Lambda function, with or without an alias or a version."
  }

  validation {
    condition = alltrue([for bytes in [try(var.attribute_source.https.max_answer_bytes, null), try(var.attribute_source.function.max_answer_bytes, null)] :
      bytes == null || try(bytes >= 1000 && bytes <= 6000000 && floor(bytes) == bytes, false)
    ])
    error_message = "attribute_source max_answer_bytes must be a whole number from 1000 to 6000000: a function answers no more."
  }
}

variable "cache_seconds" {
  description = "Age up to which the function uses an answer of the source again, also that the source has nothing for a key. Each execution environment has a cache of its own. 0 asks the source every time. Failures are never kept."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.cache_seconds >= 0 && var.cache_seconds <= 86400
    error_message = "cache_seconds must be 0-86400: an execution environment seldom lives longer. Use 0 for no cache."
  }
}

variable "campaign_role" {
  description = "Role that calls the function for an engagement_hub: its output campaign_role_arn. Null for a project that Amazon Pinpoint hosts."
  type = object({
    arn = string
  })
  default = null
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

variable "key" {
  description = "Key of an endpoint at the source, named like a message variable: Id (the endpoint's id), User.UserId, Attributes.NAME or User.UserAttributes.NAME. The first value of an attribute counts."
  type        = string
  default     = "Id"
  nullable    = false

  validation {
    condition     = can(regex("^(Id|User[.]UserId|Attributes[.].{1,50}|User[.]UserAttributes[.].{1,50})$", var.key))
    error_message = "key must be Id, User.UserId, Attributes.NAME or User.UserAttributes.NAME. An address is no key: keep it in an attribute that has a name."
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

variable "max_value_characters" {
  description = "Characters that a value may have. 100 is the limit of an endpoint that is stored, and AWS does not state whether Amazon Pinpoint takes longer values from a hook. An engagement_hub takes any."
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = var.max_value_characters >= 1 && var.max_value_characters <= 10000 && floor(var.max_value_characters) == var.max_value_characters
    error_message = "max_value_characters must be a whole number from 1 to 10000: the answer for 50 endpoints has at most 6 MB. Use the module campaign_templates for whole documents."
  }
}

variable "on_failure" {
  description = "Policy for each failure of an endpoint: send_default sends with the defaults of `attributes`, drop_recipient sends this endpoint nothing, fail_batch fails the call for its up to 50 endpoints, which the campaign repeats twice and then leaves out. `no_key`: the endpoint has no such id or attribute. `missing`: the source has nothing for the key, or not under the name. `unusable`: the value is too long, too many, or no text, number, boolean or list. `source_failed`: the source gave no answer in time."
  type = object({
    no_key        = optional(string, "send_default")
    missing       = optional(string, "send_default")
    unusable      = optional(string, "send_default")
    source_failed = optional(string, "send_default")
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for policy in values(var.on_failure) : try(contains(["send_default", "drop_recipient", "fail_batch"], policy), false)])
    error_message = "on_failure must have policies among send_default, drop_recipient and fail_batch."
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

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}
