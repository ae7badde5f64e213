variable "name" {
  description = "Prefix of every AWS name, unique among the modules of an account and region. Two copies with two names fit in one account."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,24}[a-z0-9])?$", var.name))
    error_message = "name must be 1-26 lower-case letters, digits or hyphens, start with a letter and end with a letter or digit: the names of buckets, roles and databases start with it. Choose such a name."
  }
}

variable "deletion_window_days" {
  description = "Days between `terraform destroy` and the deletion of the key, in which the deletion can be cancelled. After it no data under the key can be read."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.deletion_window_days >= 7 && var.deletion_window_days <= 30 && floor(var.deletion_window_days) == var.deletion_window_days
    error_message = "deletion_window_days must be a whole number from 7 to 30: KMS offers no other waiting period."
  }
}

variable "deployers" {
  description = "Roles or users that apply Terraform and whose IAM policies allow no KMS action: any key => the ARN. They may use the key through the services of the modules, and make grants for services. An administrator needs no entry."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for arn in values(var.deployers) : can(regex("^arn:[^:]+:iam::[0-9]{12}:(role|user)/", arn))])
    error_message = "deployers must be ARNs of IAM roles or users, such as arn:aws:iam::111122223333:role/deployer: a key policy takes no session and no group. Name the role of the session."
  }
}

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}
