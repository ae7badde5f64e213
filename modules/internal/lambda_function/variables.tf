variable "handler" {
  description = "Python path of the handler in the package, such as `campaign_create.functions.create.lambda_handler`."
  type        = string
}

variable "name" {
  description = "Name of the function; every other name starts with it."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,57}$", var.name))
    error_message = "name must be 1-57 letters, digits, hyphens or underscores: a role name of at most 64 characters is built from it. Shorten it."
  }
}

variable "package_path" {
  description = "Path of the zip that holds the code, as `make package` builds it."
  type        = string
}

variable "alarm" {
  description = "Who hears of trouble: the SNS topic that alarms notify. Null keeps the alarms but notifies nobody."
  type = object({
    topic_arn = string
  })
  default = null
}

variable "description" {
  description = "What the function is for, in a sentence. Null leaves it out."
  type        = string
  default     = null
}

variable "environment" {
  description = "Environment variables. Leave a setting out rather than giving it an empty string."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "invokers" {
  description = "Services that may invoke the function: any key => the service principal and the ARN (pattern) of the caller."
  type = map(object({
    service    = string
    source_arn = string
  }))
  default  = {}
  nullable = false
}

variable "kms_actions" {
  description = "What the function does with kms_key_arn to reach data under that key: `kms:Decrypt` to read a queue or an object, `kms:GenerateDataKey` to write one. Empty where it reaches none."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "kms_key_arn" {
  description = "Customer managed KMS key for data at rest; its key policy must allow the services in use. Null uses keys that AWS owns or manages."
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "Days that logs are kept: one of the periods CloudWatch Logs offers, such as 7, 30 or 365."
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

variable "memory_mb" {
  description = "Memory of the function; its share of CPU grows with it."
  type        = number
  default     = 256
  nullable    = false

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240
    error_message = "memory_mb must be 128-10240: Lambda offers nothing else."
  }
}

variable "on_failure" {
  description = "SQS queue for asynchronous events that failed all attempts. Null is for functions that nobody invokes asynchronously."
  type = object({
    queue_arn = string
  })
  default = null
}

variable "policies" {
  description = "What the function may do beyond writing logs and traces: a name => an IAM policy document (JSON). The names must be known at plan."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setintersection(keys(var.policies), ["logs-and-traces", "on-failure"])) == 0
    error_message = "policies must not use the names logs-and-traces or on-failure: this block attaches its own under them. Choose another name."
  }
}

variable "reserved_concurrency" {
  description = "Concurrent executions set aside for this function, and its ceiling. Null shares the account's pool."
  type        = number
  default     = null

  validation {
    condition     = var.reserved_concurrency == null || try(var.reserved_concurrency >= 1, false)
    error_message = "reserved_concurrency must be 1 or more: 0 would stop the function. Use null for no limit."
  }
}

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "timeout_seconds" {
  description = "Time after which Lambda ends an invocation."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.timeout_seconds >= 1 && var.timeout_seconds <= 900
    error_message = "timeout_seconds must be 1-900: Lambda allows no more. Split longer work into steps."
  }
}
