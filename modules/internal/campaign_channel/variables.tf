variable "campaign_role" {
  description = "Role that calls the function for an engagement_hub: its output campaign_role_arn. Null for a project that Amazon Pinpoint hosts."
  type = object({
    arn = string
  })
  default = null
}

variable "function" {
  description = "Intake function: Python path of its handler, description, timeout, memory, and reserved concurrency (null uses the account's unreserved concurrency). Campaigns wait 15 seconds for its answer."
  type = object({
    handler              = string
    description          = string
    timeout_seconds      = optional(number, 15)
    memory_mb            = optional(number, 512)
    reserved_concurrency = optional(number)
  })

  validation {
    condition     = var.function.timeout_seconds <= 15
    error_message = "function.timeout_seconds must be 15 or less: campaigns do not wait longer for the answer. Move slow work behind the queue."
  }
}

variable "name" {
  description = "First part of the names: the intake function is `<name>-intake`, its queue `<name>-endpoints`, its dead-letter queue `<name>-endpoints-dead-letter`."
  type        = string
}

variable "package" {
  description = "S3 object of the zip that holds the code: an element of the output `archives` of the block package."
  type = object({
    bucket = string
    key    = string
  })
}

variable "pinpoint" {
  description = "Pinpoint-compatible project: the `pinpoint` output of an engagement_hub, or { project_id = … } alone for a project that Amazon Pinpoint hosts."
  type = object({
    project_id = string
    api        = optional(object({ url = string, execution_arn = string }))
  })
}

variable "queue" {
  description = "Queue of the endpoints: its visibility timeout, at least six times the timeout of the function that reads it, and the receives of a message before SQS moves it to the dead-letter queue."
  type = object({
    visibility_timeout_seconds = number
    max_receive_count          = optional(number, 5)
  })
}

variable "environment" {
  description = "Environment variables of the intake function besides QUEUE_URL, which the block sets."
  type        = map(string)
  default     = {}
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

variable "policies" {
  description = "IAM policies of the intake function besides that for the queue: a name => a policy document (JSON). The names must be known at plan."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = !contains(keys(var.policies), "queue-endpoints")
    error_message = "policies must not use the name queue-endpoints: this block attaches its own policy under this name. Choose another name."
  }
}
