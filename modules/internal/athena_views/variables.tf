variable "database_name" {
  description = "Glue database of the views, which is also the schema of the names in their SQL."
  type        = string
}

variable "views" {
  description = <<-EOT
    Views: name => SQL of one SELECT. The comment lines at its head are the description. After a line `-- columns:`, they
    list each column of the result with its Hive type, as in `--   destination array<string>`.
  EOT
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.views) : can(regex("^[a-z][a-z0-9_]{0,127}$", name))])
    error_message = "views must have names of 1-128 lower-case letters, digits or underscores: another name would have to be quoted in every query."
  }
}
