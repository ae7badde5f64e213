variable "definition" {
  description = "Amazon States Language document (JSON), usually templatefile() of an .asl.json file."
  type        = string
}

variable "distributed_map" {
  description = "Distributed Map states of the definition, which start and describe child executions of the same state machine. `results_arn` is the ARN, with wildcards, of the objects that their ResultWriters write. Null is for a definition without such a state."
  type        = object({ results_arn = string })
  default     = null
}

variable "failure_alarms" {
  description = "Alarms on failed and timed-out executions. False is for a state machine whose failed executions reach a person in another way, such as a dead-letter queue."
  type        = bool
  default     = true
  nullable    = false
}

variable "name" {
  description = "Name of the state machine; every other name starts with it."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,57}$", var.name))
    error_message = "name must be 1-57 letters, digits, hyphens or underscores: a role name of at most 64 characters is built from it. Shorten it."
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

variable "policies" {
  description = "IAM policies of the state machine besides logs and traces: a name => a policy document (JSON). The names must be known at plan."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setintersection(keys(var.policies), ["logs-and-traces", "distributed-map"])) == 0
    error_message = "policies must not use the names logs-and-traces or distributed-map: this block attaches its own policies under these names. Choose another name."
  }
}
