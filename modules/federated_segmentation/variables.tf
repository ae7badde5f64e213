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

variable "databases" {
  description = "Databases of the Glue Data Catalog that queries may read: any key => the name, the S3 locations of its tables (`s3://bucket/prefix/`; a view needs the locations of its tables), and the customer managed KMS key of their objects, if they have one. Of an event database: `{ name = module.database.athena_database, locations = [\"s3://$${module.database.events_bucket_name}/events/\"] }`."
  type = map(object({
    name      = string
    locations = list(string)
    kms_key   = optional(object({ arn = string }))
  }))
  nullable = false

  validation {
    condition     = length(var.databases) > 0
    error_message = "databases must have at least one entry: a query reads the tables of a database. Give its name and the locations of its tables."
  }

  validation {
    condition     = alltrue([for database in values(var.databases) : can(regex("^[a-z0-9_-]{1,255}$", database.name))])
    error_message = "databases must have names of 1-255 lower-case letters, digits, underscores or hyphens, as Athena gives them. Correct the name."
  }

  validation {
    condition = alltrue(flatten([
      for database in values(var.databases) : [for location in database.locations : can(regex("^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/([^*?$]+/)?$", location))]
    ]))
    error_message = "databases.locations must be s3://bucket/prefix/, or s3://bucket/ for a whole bucket, and end in a slash: without it the permission would cover every prefix that begins alike."
  }

  validation {
    condition     = try(length(jsonencode(var.databases)) <= 2500, false)
    error_message = "databases must have at most 2,500 characters as JSON: the policies of a role have 10,240, and each location is named three times. Give the common prefix of several locations."
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

variable "athena" {
  description = "Limits of Athena queries: the megabytes that a query may scan before Athena cancels it, and the days that query results are kept."
  type = object({
    scan_limit_mb = optional(number, 10240)
    results_days  = optional(number, 7)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.athena.scan_limit_mb >= 10 && floor(var.athena.scan_limit_mb) == var.athena.scan_limit_mb
    error_message = "athena.scan_limit_mb must be a whole number of 10 or more: Athena takes no smaller limit."
  }

  validation {
    condition     = var.athena.results_days >= 1 && floor(var.athena.results_days) == var.athena.results_days
    error_message = "athena.results_days must be a whole number of 1 or more: S3 expires objects by the day."
  }
}

variable "default_database" {
  description = "Key in `databases` of the database whose tables a query names without a database. Null is the first key."
  type        = string
  default     = null

  validation {
    condition     = var.default_database == null ? true : contains(keys(var.databases), var.default_database)
    error_message = "default_database must be a key of databases. Use one of its keys, or null for the first one."
  }
}

variable "force_destroy" {
  description = "Whether destroying the module also deletes the query results."
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

variable "schedules" {
  description = "Scheduled runs: any key => an expression of EventBridge Scheduler, its IANA time zone, and the input of the run. `type` is direct or mutate; direct needs a `segment_name`, and fills the imported segment `segment_id` if that is given."
  type = map(object({
    expression = string
    time_zone  = optional(string, "UTC")
    enabled    = optional(bool, true)
    input = object({
      query        = string
      type         = optional(string, "direct")
      segment_name = optional(string)
      segment_id   = optional(string)
    })
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for key in keys(var.schedules) : can(regex("^[a-z0-9][a-z0-9-]{0,29}$", key))])
    error_message = "schedules must have keys of 1-30 lower-case letters, digits or hyphens: the names of its runs begin with the key. Rename it."
  }

  validation {
    condition     = alltrue([for schedule in values(var.schedules) : can(regex("^(cron\\((\\S+ ){5}\\S+\\)|rate\\(\\d+ (minutes?|hours?|days?)\\)|at\\(\\S+\\))$", schedule.expression))])
    error_message = "schedules.expression must be cron(…) with six fields, rate(…) or at(…), such as cron(0 3 * * ? *)."
  }

  validation {
    condition     = alltrue([for schedule in values(var.schedules) : can(regex("^[A-Za-z]+([/_+-][A-Za-z0-9]+)*$", schedule.time_zone))])
    error_message = "schedules.time_zone must be the name of an IANA time zone, such as UTC or Europe/Berlin."
  }

  validation {
    condition     = alltrue([for schedule in values(var.schedules) : contains(["direct", "mutate"], schedule.input.type)])
    error_message = "schedules.input.type must be direct, which makes or fills a segment, or mutate, which writes attributes."
  }

  validation {
    condition = alltrue([
      for schedule in values(var.schedules) : schedule.input.type != "direct" || try(length(schedule.input.segment_name) > 0 && length(schedule.input.segment_name) <= 128, false)
    ])
    error_message = "schedules.input.segment_name must have 1-128 characters with type direct: the run names its segment."
  }

  validation {
    condition = alltrue([
      for schedule in values(var.schedules) : schedule.input.type != "mutate" || (schedule.input.segment_name == null && schedule.input.segment_id == null)
    ])
    error_message = "schedules.input.segment_name and segment_id must be left out with type mutate: such a run makes no segment."
  }
}

variable "subscriptions" {
  description = "Subscriptions of the notification topic: any key => the protocol (email, https or sqs) and the endpoint (address, URL or queue ARN). `notification_types` selects among success and failure; empty selects both. An email address and a URL must confirm the subscription; a queue needs a policy that lets the topic send."
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
    condition     = alltrue(flatten([for subscription in values(var.subscriptions) : [for type in subscription.notification_types : contains(["success", "failure"], type)]]))
    error_message = "subscriptions.notification_types must be among success and failure: the module publishes no other notification."
  }
}

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "timeouts" {
  description = "Minutes that a query and an import may take before the run ends in a failure notification. The run stops a query that takes longer."
  type = object({
    query_minutes  = optional(number, 30)
    import_minutes = optional(number, 120)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for minutes in values(var.timeouts) : minutes >= 1 && minutes <= 1440 && floor(minutes) == minutes])
    error_message = "timeouts.query_minutes and timeouts.import_minutes must be whole numbers from 1 to 1440."
  }
}
