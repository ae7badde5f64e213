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

variable "connector" {
  description = "Athena data catalog of a DynamoDB connector that you have deployed, whose function may read the two tables. It adds the named query `campaign_results_with_current_names`, which reads names from the tables and not from the exported files. Null adds no query."
  type = object({
    catalog = string
  })
  default = null

  validation {
    condition     = var.connector == null || try(can(regex("^[A-Za-z0-9_@-]{1,127}$", var.connector.catalog)), false)
    error_message = "connector.catalog must be the name of a data catalog of Athena, 1-127 letters, digits, _, @ or -. Register the connector's function as a data source first, and use the name of the data source."
  }

  validation {
    condition     = var.connector == null || var.event_database != null
    error_message = "connector needs event_database, whose workgroup gets the query. Give event_database, or leave out connector."
  }
}

variable "entity_events" {
  description = "Event bus and source of a hub's entity-change events: the `entity_events` output of the hub. Null is for a project of Amazon Pinpoint, whose changes CloudTrail reports on the default event bus; of a hub's project only the reconciliation then finds changes."
  type = object({
    event_bus_name = string
    source         = string
    detail_type    = string
  })
  default = null

  validation {
    condition     = var.entity_events == null || var.pinpoint.api != null
    error_message = "entity_events must be of the hub that pinpoint.api names: Amazon Pinpoint announces no changes. Leave entity_events out for a project of Amazon Pinpoint."
  }
}

variable "event_database" {
  description = "Event database that names are exported to, so that queries join them with events: the `event_database` output of pinpoint_event_database. Null exports no files and makes no views."
  type = object({
    athena_database    = string
    athena_workgroup   = string
    events_bucket_name = string
    kms_key            = optional(object({ arn = string }))
  })
  default = null
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

variable "reconciliation" {
  description = "Schedule on which the tables are compared with the project, and exported: a rate or cron expression (UTC) of EventBridge Scheduler. Names of new entities appear in Athena at the next run."
  type = object({
    schedule_expression = optional(string, "rate(1 hour)")
  })
  default  = {}
  nullable = false

  validation {
    condition     = can(regex("^(rate\\([1-9][0-9]* (minutes?|hours?|days?)\\)|cron\\((\\S+ ){5}\\S+\\))$", var.reconciliation.schedule_expression))
    error_message = "reconciliation.schedule_expression must be rate(value unit) or cron(…) with six fields, such as rate(15 minutes) or cron(0 6 * * ? *)."
  }
}

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}
