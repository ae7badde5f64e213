variable "country_code" {
  description = "Country of the number that calls come from, as an ISO 3166 code. Amazon Connect charges for the number by the day."
  type        = string
  default     = "US"
  nullable    = false
}

variable "name" {
  description = "Prefix of every name, so that two copies of the example fit in one account."
  type        = string
  default     = "calls"
  nullable    = false
}

variable "region" {
  description = "AWS region to deploy to."
  type        = string
  default     = "us-east-1"
  nullable    = false
}
