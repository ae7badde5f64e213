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

variable "package" {
  description = "S3 object of the zip that holds the code: an element of the output `archives` of the block package."
  type = object({
    bucket = string
    key    = string
  })
}

variable "description" {
  description = "Description of the function, in a sentence. Null leaves the description out."
  type        = string
  default     = null
}

variable "environment" {
  description = "Environment variables of the function. Leave a setting out instead of setting it to an empty string."
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
  description = "KMS actions that the function needs on the key of `operations` for encrypted data: `kms:Decrypt` to read a queue or an object, `kms:GenerateDataKey` to write to a queue or an object. A function with an environment has `kms:Decrypt` without being given it."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "memory_mb" {
  description = "Memory of the function. Its share of CPU grows with the memory."
  type        = number
  default     = 256
  nullable    = false

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240
    error_message = "memory_mb must be 128-10240: Lambda offers no other size."
  }
}

variable "on_failure" {
  description = "SQS queue for asynchronous events that failed all attempts. Null is for functions without asynchronous invocations."
  type = object({
    queue_arn = string
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

variable "managed_policies" {
  description = "IAM policies of the function that grow with the lists of a caller, at most 6,144 characters each: a name => a policy document (JSON). The names must be known at plan."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "policies" {
  description = "IAM policies of the function besides logs and traces: a name => a policy document (JSON). The names must be known at plan."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setintersection(keys(var.policies), ["logs-and-traces", "on-failure"])) == 0
    error_message = "policies must not use the names logs-and-traces or on-failure: this block attaches its own policies under these names. Choose another name."
  }
}

variable "recursive_loop_allowed" {
  description = "Lets messages that the function sends to its own queue invoke it again without end. By default Lambda stops a chain of about 16 such invocations, and the message is lost or in the dead-letter queue. For functions whose chains end by themselves."
  type        = bool
  default     = false
  nullable    = false
}

variable "reserved_concurrency" {
  description = "Reserved concurrency of the function, which is also its maximum. Null uses the account's unreserved concurrency."
  type        = number
  default     = null

  validation {
    condition     = var.reserved_concurrency == null || try(var.reserved_concurrency >= 1, false)
    error_message = "reserved_concurrency must be 1 or more: 0 would stop the function. Use null for no limit."
  }
}

variable "role_path" {
  description = "IAM path of the execution role, by which trust policies elsewhere can name the roles of several functions."
  type        = string
  default     = "/"
  nullable    = false
}

variable "timeout_seconds" {
  description = "Timeout of the function, after which Lambda ends an invocation."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.timeout_seconds >= 1 && var.timeout_seconds <= 900
    error_message = "timeout_seconds must be 1-900: Lambda allows no more. Split longer work into steps."
  }
}
