variable "name" {
  description = "Name of the queue or topic that carries the policy."
  type        = string
}

variable "publishers" {
  description = "Services that may publish to it: any key => the service principal and the ARN (pattern) it acts for. Roles need no entry: their own policy decides."
  type = map(object({
    service    = string
    source_arn = string
  }))
  nullable = false
}

variable "service" {
  description = "What carries the policy: `sqs` for a queue, `sns` for a topic."
  type        = string

  validation {
    condition     = contains(["sns", "sqs"], var.service)
    error_message = "service must be sqs or sns: the policy names actions of the one or the other."
  }
}
