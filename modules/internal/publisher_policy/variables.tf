variable "name" {
  description = "Name of the queue or topic that carries the policy."
  type        = string
}

variable "publishers" {
  description = "Services that may send to the queue or topic: any key => the service principal and the ARN (pattern) of its source. Roles need no entry: their own policies allow them to send."
  type = map(object({
    service    = string
    source_arn = string
  }))
  nullable = false
}

variable "service" {
  description = "Service of the policy's resource: `sqs` for a queue, `sns` for a topic."
  type        = string

  validation {
    condition     = contains(["sns", "sqs"], var.service)
    error_message = "service must be sqs or sns: the policy is for a queue or a topic."
  }
}
