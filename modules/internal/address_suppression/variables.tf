variable "event_source" {
  description = "Value of `source` in the events."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9._/-]{1,256}$", var.event_source)) && !startswith(var.event_source, "aws.")
    error_message = "event_source must be 1-256 letters, digits, dots, hyphens, slashes or underscores and not begin with aws., which EventBridge reserves for AWS."
  }
}

variable "name" {
  description = "First part of the names of the tables."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]{1,100}$", var.name))
    error_message = "name must be 1-100 letters, digits, dots, hyphens or underscores: the names of tables are built from it."
  }
}

variable "address_table" {
  description = "Existing DynamoDB table of addresses, with the partition key `address` (a string) and no sort key. `kms_key` is its customer managed KMS key, if it has one. Other attributes of its items are kept. Null creates a table."
  type = object({
    name    = string
    arn     = string
    kms_key = optional(object({ arn = string }))
  })
  default = null

  validation {
    condition     = var.address_table == null || try(can(regex("^arn:[^:]+:dynamodb:[^:]+:[0-9]{12}:table/[^/]+$", var.address_table.arn)), false)
    error_message = "address_table.arn must be the ARN of a DynamoDB table, such as arn:aws:dynamodb:eu-west-1:111122223333:table/people. Use null to create a table."
  }
}

variable "event_bus_name" {
  description = "EventBridge event bus of this account and region that receives an event for every suppressed address."
  type        = string
  default     = "default"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]{1,256}$", var.event_bus_name))
    error_message = "event_bus_name must be the name of an event bus of this account and region, not an ARN."
  }
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

variable "transient_bounces" {
  description = "Soft bounces that suppress an address: `limit` of them within `window_days`."
  type = object({
    limit       = optional(number, 3)
    window_days = optional(number, 7)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.transient_bounces.limit >= 1 && var.transient_bounces.limit <= 50 && floor(var.transient_bounces.limit) == var.transient_bounces.limit
    error_message = "transient_bounces.limit must be a whole number from 1 to 50: 1 suppresses an address with its first soft bounce."
  }

  validation {
    condition     = var.transient_bounces.window_days >= 1 && var.transient_bounces.window_days <= 365 && floor(var.transient_bounces.window_days) == var.transient_bounces.window_days
    error_message = "transient_bounces.window_days must be a whole number from 1 to 365."
  }
}
