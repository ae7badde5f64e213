variable "archives" {
  description = "Names of the zips, without `.zip`: the architectures whose functions the module creates. The names must be known at plan."
  type        = set(string)
}

variable "name" {
  description = "First part of the bucket name; `-packages`, the account id and the region follow."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,24}[a-z0-9])?$", var.name))
    error_message = "name must be 1-26 lower-case letters, digits or hyphens, start with a letter and end with a letter or digit: with account and region it must fit into the 63 characters of a bucket name."
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

variable "packages" {
  description = "The `packages` input of the module."
  type = object({
    directory = optional(string)
    s3 = optional(object({
      bucket = string
      prefix = optional(string, "")
    }))
  })
  default  = {}
  nullable = false
}
