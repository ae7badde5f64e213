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
  description = "Existing bucket to watch. `kms_key` is the customer managed KMS key of its objects, if they have one. The bucket must send events to Amazon EventBridge: the module does not change its notification configuration. Null creates a bucket."
  type = object({
    name    = string
    kms_key = optional(object({ arn = string }))
  })
  default = null
}

variable "column_mapping" {
  description = "Mapping of CSV files of another program (Mailchimp, HubSpot, Excel) to the columns of an import: `columns` is a header of the file => the column of the import, `constants` is a column => its value in every row, and `encoding` is the encoding of files without a byte order mark. Other columns of the file are left out. Null imports files unchanged."
  type = object({
    columns   = map(string)
    constants = optional(map(string), {})
    encoding  = optional(string, "utf-8")
  })
  default = null

  validation {
    condition = var.column_mapping == null || try(alltrue([
      for column in concat(values(var.column_mapping.columns), keys(var.column_mapping.constants)) : can(regex(
        "^(Id|Address|ChannelType|EffectiveDate|EndpointStatus|OptOut|RequestId|User\\.UserId|Location\\.(City|Country|PostalCode|Region|Latitude|Longitude)|Demographic\\.(AppVersion|Locale|Make|Model|ModelVersion|Platform|PlatformVersion|Timezone)|(Attributes|User\\.UserAttributes|Metrics)\\..{1,50})$",
        column
      ))
    ]), false)
    error_message = "column_mapping.columns must map to, and column_mapping.constants name, columns of an import: Address, ChannelType, User.UserId, Location.Country, Attributes.Plan, User.UserAttributes.FirstName and so on. See docs/files.md for the full list."
  }

  validation {
    condition = var.column_mapping == null || try(
      length(distinct([for column in concat(values(var.column_mapping.columns), keys(var.column_mapping.constants)) : column if !can(regex("Attributes\\.", column))])) ==
      length([for column in concat(values(var.column_mapping.columns), keys(var.column_mapping.constants)) : column if !can(regex("Attributes\\.", column))]), false
    )
    error_message = "column_mapping must give each column once: only Attributes.… and User.UserAttributes.… may repeat, once per value. Leave the second column out."
  }

  validation {
    condition = var.column_mapping == null || try(
      contains(concat(values(var.column_mapping.columns), keys(var.column_mapping.constants)), "Id") ||
      length(setintersection(["Address", "ChannelType"], concat(values(var.column_mapping.columns), keys(var.column_mapping.constants)))) == 2, false
    )
    error_message = "column_mapping must give Address and ChannelType, or Id. If the file has no column for the channel, give it in constants: { ChannelType = \"SMS\" } or { ChannelType = \"EMAIL\" }."
  }

  validation {
    condition     = var.column_mapping == null || try(contains(["utf-8", "windows-1252", "iso-8859-1", "mac-roman"], var.column_mapping.encoding), false)
    error_message = "column_mapping.encoding must be utf-8, windows-1252 (Excel on Windows), iso-8859-1 or mac-roman (Excel on a Mac). A byte order mark in the file overrides it, so UTF-16 needs no setting."
  }

  validation {
    condition     = var.column_mapping == null || try(length(jsonencode(var.column_mapping)) <= 3000, false)
    error_message = "column_mapping must have at most 3,000 characters as JSON: it is an environment variable of the function. Map fewer columns."
  }

  validation {
    condition     = var.column_mapping == null || var.import_format == "CSV"
    error_message = "column_mapping must be null with import_format JSON: it maps CSV files. Use null."
  }
}

variable "force_destroy" {
  description = "Whether destroying the module also deletes the files in the bucket that it created."
  type        = bool
  default     = false
  nullable    = false
}

variable "import_format" {
  description = "Format of the files: CSV with a header line, or JSON with one endpoint per line."
  type        = string
  default     = "CSV"
  nullable    = false

  validation {
    condition     = contains(["CSV", "JSON"], var.import_format)
    error_message = "import_format must be CSV or JSON; Pinpoint imports no other format."
  }
}

variable "key_suffixes" {
  description = "Suffixes of the file names to import, such as [\".csv\", \".csv.gz\"], in upper or lower case. Empty imports every file under the prefix."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for suffix in var.key_suffixes : length(suffix) > 0 && !strcontains(suffix, ",")])
    error_message = "key_suffixes must not be empty texts or hold commas. Use [] to import every file."
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

variable "max_failure_ratio" {
  description = "Largest share of rejected rows (0-1) with which an import is still a success. 0 allows no rejected row, 1 any number."
  type        = number
  default     = 0.5
  nullable    = false

  validation {
    condition     = var.max_failure_ratio >= 0 && var.max_failure_ratio <= 1
    error_message = "max_failure_ratio must be from 0 to 1: 0.05 fails an import that rejects more than 5 % of its rows."
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

variable "prefix" {
  description = "Key prefix of the files to import. It usually ends in a slash."
  type        = string
  default     = "import/"
  nullable    = false

  validation {
    condition     = length(var.prefix) > 0 && !startswith(var.prefix, "/")
    error_message = "prefix must not be empty or start with a slash, because S3 keys do not: use `import/`."
  }

  validation {
    condition     = !(startswith("mapped/", var.prefix) || startswith(var.prefix, "mapped/"))
    error_message = "prefix must not cover mapped/, the prefix of the copies that imports read: each copy would start another import. Use `import/`."
  }
}

variable "reuse_segment" {
  description = "Whether a file fills the imported segment that already has its name anew, so that the segment holds the endpoints of this file only. A failed import leaves the segment as it was. False creates a segment per file."
  type        = bool
  default     = false
  nullable    = false
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

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "timeout_minutes" {
  description = "Minutes that an import may take before the run ends in a failure notification."
  type        = number
  default     = 120
  nullable    = false

  validation {
    condition     = var.timeout_minutes >= 1 && var.timeout_minutes <= 1440 && floor(var.timeout_minutes) == var.timeout_minutes
    error_message = "timeout_minutes must be a whole number from 1 to 1440."
  }
}
