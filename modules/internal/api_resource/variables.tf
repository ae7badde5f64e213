variable "name" {
  description = "Name of the function that manages the resources; also marks what it made, so keep it."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,57}$", var.name))
    error_message = "name must be 1-57 letters, digits, hyphens or underscores: a role name of at most 64 characters is built from it. Shorten it."
  }
}

variable "pinpoint" {
  description = "The Pinpoint-compatible project to work on: the `pinpoint` output of an engagement_hub, or { project_id = … } alone for a project hosted by Amazon Pinpoint. A project_id of `*` is for creating projects (type App)."
  type = object({
    project_id = string
    api        = optional(object({ url = string, execution_arn = string }))
  })
}

variable "resources" {
  description = <<-EOT
    What to manage: any key => a type and its properties as JSON, in the API's own member names. The types must be known at plan.
    App {Name, tags}; ApplicationSettings {members of WriteApplicationSettingsRequest}; Channel {Channel = "sms" | "email" | "voice", members of its request};
    Segment {members of WriteSegmentRequest}; SmsTemplate, EmailTemplate {TemplateName, members of the template request};
    EventStream {DestinationStreamArn, RoleArn}; SmsConfigurationSetEventDestination {ConfigurationSetName, EventDestinationName, members of the request}.
    TakeOver = true lets a resource replace one of the same name that something else made.
  EOT
  type = map(object({
    type       = string
    properties = string
  }))

  validation {
    condition     = alltrue([for resource in values(var.resources) : contains(keys(local.operations_of), resource.type)])
    error_message = "resources has types that this block does not manage: ${join(", ", setsubtract([for resource in values(var.resources) : resource.type], keys(local.operations_of)))}. Use one of ${join(", ", keys(local.operations_of))}."
  }

  validation {
    condition     = alltrue([for resource in values(var.resources) : can(keys(jsondecode(resource.properties)))])
    error_message = "resources.properties must be a JSON object: write jsonencode({ … })."
  }
}

variable "alarm" {
  description = "Who hears of trouble: the SNS topic that alarms notify. Null keeps the alarms but notifies nobody."
  type = object({
    topic_arn = string
  })
  default = null
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

variable "package_path" {
  description = "Path of the zip that holds the code. Null is dist/pinpoint_resources.zip of this release."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}
