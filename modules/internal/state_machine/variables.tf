variable "definition" {
  description = "Amazon States Language document (JSON), usually templatefile() of an .asl.json file."
  type        = string
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
  description = "Operations settings of the module, passed on as they are: alarm notifications, the customer managed KMS key, log retention, tags."
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
  description = "What the state machine may do beyond logs and traces: a name => an IAM policy document (JSON). The names must be known at plan."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setintersection(keys(var.policies), ["logs-and-traces", "distributed-map"])) == 0
    error_message = "policies must not use the names logs-and-traces or distributed-map: this block attaches its own under them. Choose another name."
  }
}

variable "runs_distributed_map" {
  description = "Whether the definition holds a Distributed Map, which starts and watches child executions of the same machine."
  type        = bool
  default     = false
  nullable    = false
}
