variable "domain" {
  description = "Custom domain and its ACM certificate in us-east-1. Null serves the site at the domain name of CloudFront."
  type = object({
    names           = list(string)
    certificate_arn = string
  })
  default = null
}

variable "name" {
  description = "Prefix of every name, so that two copies of the example fit in one account."
  type        = string
  default     = "site"
  nullable    = false
}

variable "window_seconds" {
  description = "Seconds in which changes of the site are collected for one invalidation."
  type        = number
  default     = 10
  nullable    = false
}
