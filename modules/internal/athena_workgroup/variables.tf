variable "description" {
  description = "Description of the workgroup."
  type        = string
}

variable "name" {
  description = "Name of the workgroup, and first part of the name of its results bucket."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,24}[a-z0-9])?$", var.name))
    error_message = "name must be 1-26 lower-case letters, digits or hyphens, start with a letter and end with a letter or digit: the name of a bucket starts with it. Choose such a name."
  }
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

variable "force_destroy" {
  description = "Whether destroying the module also deletes the query results."
  type        = bool
  default     = false
  nullable    = false
}

variable "operations" {
  description = "Operations settings of the module, passed on unchanged: alarm notifications, the customer managed KMS key, log retention, tags."
  type = object({
    alarm              = optional(object({ topic_arn = string, detailed = optional(bool, false) }))
    kms_key            = optional(object({ arn = string }))
    log_retention_days = optional(number, 30)
    tags               = optional(map(string), {})
  })
  default  = {}
  nullable = false
}

variable "results_prefix" {
  description = "Key prefix of the query results. Empty is for a bucket that holds results only."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^([a-z0-9-]+/)*$", var.results_prefix))
    error_message = "results_prefix must be empty, or lower-case letters, digits and hyphens that end in a slash: Athena writes results below it."
  }
}
