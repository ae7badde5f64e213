variable "name" {
  description = "First part of the bucket's name; the account id and the region follow, because the namespace is global."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,34}$", var.name))
    error_message = "name must be 2-35 lower-case letters, digits or hyphens and not start with a hyphen: with account and region it must fit into the 63 characters of a bucket name."
  }
}

variable "eventbridge" {
  description = "Whether S3 sends the bucket's events to EventBridge, where any number of rules can match them."
  type        = bool
  default     = false
  nullable    = false
}

variable "expiration_days" {
  description = "Expiration of objects: key prefix => days. The prefix \"\" is the whole bucket. Objects under other prefixes are kept."
  type        = map(number)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for days in values(var.expiration_days) : days >= 1 && floor(days) == days])
    error_message = "expiration_days must be whole numbers of 1 or more: S3 expires objects by the day. Leave the prefix out to keep its objects."
  }
}

variable "force_destroy" {
  description = "Whether destroying the bucket deletes the objects in it. If false, a bucket that holds objects cannot be destroyed."
  type        = bool
  default     = false
  nullable    = false
}

variable "object_lock" {
  description = "Object Lock of the bucket: retention mode (`GOVERNANCE` or `COMPLIANCE`) and days of every new object. Null creates a bucket without Object Lock. A change between null and an object replaces the bucket."
  type = object({
    mode = string
    days = number
  })
  default = null
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

variable "services" {
  description = "Services that use the bucket as themselves: the sid of the statement => the service principal, the ARN of its source, the actions on objects under the prefix and on the bucket, and further conditions (condition key => value)."
  type = map(object({
    service        = string
    source_arn     = string
    bucket_actions = optional(list(string), [])
    conditions     = optional(map(string), {})
    object_actions = optional(list(string), [])
    prefix         = optional(string, "")
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for service in var.services : length(service.object_actions) + length(service.bucket_actions) > 0])
    error_message = "services must give each service actions on objects or on the bucket: a statement without an action allows nothing. Leave the service out."
  }
}

variable "transitions" {
  description = "Transitions to a cheaper storage class: key prefix => days after creation, the storage class, and the size in bytes that an object must exceed."
  type = map(object({
    after_days        = number
    storage_class     = string
    larger_than_bytes = number
  }))
  default  = {}
  nullable = false
}

variable "version_days" {
  description = "Days that an older version of an object is kept: for mistakes that are found within a month, not as an archive. Null keeps every version, for a reader that names them."
  type        = number
  default     = 30
}
