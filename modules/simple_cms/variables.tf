variable "name" {
  description = "Prefix of every AWS name, unique among the modules of an account and region. Two copies with two names fit in one account."
  type        = string

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,24}[a-z0-9])?$", var.name))
    error_message = "name must be 1-26 lower-case letters, digits or hyphens, start with a letter and end with a letter or digit: the names of buckets, roles and databases start with it. Choose such a name."
  }
}

variable "access_logs" {
  description = "Access logs of the distribution and the bucket: the days after which they expire (older versions stay for 30 days more), and whether the log of the distribution has the IP addresses of viewers, which are personal data."
  type = object({
    retention_days   = optional(number, 90)
    viewer_addresses = optional(bool, false)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.access_logs.retention_days >= 1 && floor(var.access_logs.retention_days) == var.access_logs.retention_days
    error_message = "access_logs.retention_days must be a whole number of 1 or more: S3 expires objects by the day. Use 90 for three months."
  }
}

variable "alarm" {
  description = "SNS topic that CloudWatch alarms notify. `detailed` adds alarms on single functions, throttling and failed notifications; the default alarms are for failures that need a person. Null creates the alarms without a notification."
  type = object({
    topic_arn = string
    detailed  = optional(bool, false)
  })
  default = null
}

variable "cache" {
  description = "Seconds that CloudFront keeps an answer: default_seconds for objects without a Cache-Control header, at most max_seconds for objects with a Cache-Control header, error_seconds for the page about a missing object."
  type = object({
    default_seconds = optional(number, 3600)
    error_seconds   = optional(number, 10)
    max_seconds     = optional(number, 86400)
  })
  default  = {}
  nullable = false

  validation {
    condition = alltrue([
      for seconds in [var.cache.default_seconds, var.cache.error_seconds, var.cache.max_seconds] :
      seconds >= 0 && seconds <= 31536000 && floor(seconds) == seconds
    ])
    error_message = "cache.default_seconds, cache.error_seconds and cache.max_seconds must be whole numbers from 0 to 31536000 (a year)."
  }

  validation {
    condition     = var.cache.max_seconds >= 1
    error_message = "cache.max_seconds must be 1 or more: CloudFront keeps no compressed objects without a cache. Use default_seconds = 0 for objects without a Cache-Control header."
  }
}

variable "cors" {
  description = "Origins whose pages may read images and fonts of the site (Access-Control-Allow-Origin): `*` for every origin, or scheme and host, such as https://www.example.com. Null sends no CORS header."
  type = object({
    allowed_origins = list(string)
  })
  default = { allowed_origins = ["*"] }

  validation {
    condition     = var.cors == null || try(length(var.cors.allowed_origins) >= 1 && length(distinct(var.cors.allowed_origins)) == length(var.cors.allowed_origins), false)
    error_message = "cors.allowed_origins must have one or more different origins. Use null for no CORS header."
  }

  validation {
    condition = var.cors == null || try(
      alltrue([for origin in var.cors.allowed_origins : can(regex("^(\\*|https?://(\\*\\.)?[A-Za-z0-9.-]+(:[0-9]{1,5})?)$", origin))]) &&
      (!contains(var.cors.allowed_origins, "*") || length(var.cors.allowed_origins) == 1), false
    )
    error_message = "cors.allowed_origins must be [\"*\"] or origins of scheme and host without a path: use https://www.example.com or https://*.example.com."
  }
}

variable "domain" {
  description = "Custom domain: the names of the site, the first of which is the name in `url`, and the ARN of an issued ACM certificate for all of them. The module makes no DNS record. Null serves the site at the domain name of the distribution, where CloudFront accepts TLS 1.0 and newer."
  type = object({
    names           = list(string)
    certificate_arn = string
  })
  default = null

  validation {
    condition = var.domain == null || try(
      length(var.domain.names) >= 1 && length(distinct(var.domain.names)) == length(var.domain.names) &&
      alltrue([
        for name in var.domain.names :
        length(name) <= 253 && can(regex("^(\\*\\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$", name))
      ]), false
    )
    error_message = "domain.names must have one or more different host names in lower case, without a scheme, a port and a path: use [\"www.example.com\"], or domain = null for the name of CloudFront."
  }

  validation {
    condition     = var.domain == null || try(!startswith(var.domain.names[0], "*"), false)
    error_message = "domain.names must not start with a wildcard: the first name is the name in the URL of the site. Put the wildcard after a name."
  }

  validation {
    condition     = var.domain == null || can(regex("^arn:[a-z-]+:acm:us-east-1:[0-9]{12}:certificate/", var.domain.certificate_arn))
    error_message = "domain.certificate_arn must be the ARN of an ACM certificate in us-east-1: CloudFront reads certificates of no other region. Request the certificate there."
  }
}

variable "force_destroy" {
  description = "Whether destroying the module also deletes the objects of the site and the access logs."
  type        = bool
  default     = false
  nullable    = false
}

variable "geo_restriction" {
  description = "Countries of viewers: action is allow, for viewers of these countries only, or deny, for viewers of all others; countries are two-letter codes of ISO 3166-1. Null serves every country."
  type = object({
    action    = string
    countries = list(string)
  })
  default = null

  validation {
    condition     = var.geo_restriction == null || try(contains(["allow", "deny"], var.geo_restriction.action), false)
    error_message = "geo_restriction.action must be allow or deny. Use geo_restriction = null for every country."
  }

  validation {
    condition = var.geo_restriction == null || try(
      length(var.geo_restriction.countries) >= 1 &&
      length(distinct(var.geo_restriction.countries)) == length(var.geo_restriction.countries) &&
      alltrue([for country in var.geo_restriction.countries : can(regex("^[A-Z]{2}$", country))]), false
    )
    error_message = "geo_restriction.countries must have one or more different codes of two capital letters, such as [\"DE\", \"FR\"]."
  }
}

variable "invalidation" {
  description = "Invalidation of the paths of changed objects. Changes within window_seconds are one request. A request of more than max_paths paths becomes the single path /*; 1,000 paths a month are free. Null leaves a changed object in the cache until its time is over."
  type = object({
    max_paths      = optional(number, 10)
    window_seconds = optional(number, 60)
  })
  default = null

  validation {
    condition     = var.invalidation == null || try(var.invalidation.max_paths >= 1 && var.invalidation.max_paths <= 3000 && floor(var.invalidation.max_paths) == var.invalidation.max_paths, false)
    error_message = "invalidation.max_paths must be a whole number from 1 to 3000: CloudFront works on no more paths at a time. Use 1 to invalidate everything by any two changes."
  }

  validation {
    condition     = var.invalidation == null || try(var.invalidation.window_seconds >= 1 && var.invalidation.window_seconds <= 300 && floor(var.invalidation.window_seconds) == var.invalidation.window_seconds, false)
    error_message = "invalidation.window_seconds must be a whole number from 1 to 300: Lambda collects a batch for no longer."
  }
}

variable "kms_key" {
  description = "Customer managed KMS key for data at rest: the `kms_key` output of encryption_key, or a key whose policy has the same statements. Null uses keys that AWS owns or manages."
  type = object({
    arn = string
  })
  default = null
}

variable "log_retention_days" {
  description = "Days that CloudWatch Logs keeps the logs. Logs hold ids and outcomes, never an address, a number or a body."
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

variable "not_found_page" {
  description = "Key of the page that is answered, with status 404, for a missing object. Without an object under the key the answer is the error of S3."
  type        = string
  default     = "404.html"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_.~-]+(/[A-Za-z0-9_.~-]+)*$", var.not_found_page))
    error_message = "not_found_page must be the key of an object, of letters, digits and - _ . ~ /, without a slash at the start: use 404.html or errors/404.html."
  }
}

variable "packages" {
  description = "Lambda packages. `directory` is a folder of zips, which the module uploads to its own bucket; null is dist/ of this release. `s3` is the bucket and the key prefix of zips that are already uploaded. A new release needs a new prefix, because Lambda reads a key once."
  type = object({
    directory = optional(string)
    s3 = optional(object({
      bucket = string
      prefix = optional(string, "")
    }))
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.packages.s3 == null || var.packages.directory == null
    error_message = "packages.directory and packages.s3 must not both be given: the zips come from a folder or from S3. Leave out directory or s3."
  }

  validation {
    condition     = var.packages.s3 == null || try(var.packages.s3.prefix == "" || endswith(var.packages.s3.prefix, "/"), false)
    error_message = "packages.s3.prefix must be empty or end with a slash, because the name of the zip follows it: use `engagement/v0.1.0/`."
  }
}

variable "price_class" {
  description = "Edge locations that serve the site: PriceClass_100 (North America and Europe), PriceClass_200 (also most of Asia, the Middle East and Africa) or PriceClass_All."
  type        = string
  default     = "PriceClass_100"
  nullable    = false

  validation {
    condition     = contains(["PriceClass_100", "PriceClass_200", "PriceClass_All"], var.price_class)
    error_message = "price_class must be PriceClass_100, PriceClass_200 or PriceClass_All; CloudFront has no other."
  }
}

variable "security_headers" {
  description = "Security headers of every answer: Content-Security-Policy (null leaves it out), X-Frame-Options (DENY or SAMEORIGIN), Referrer-Policy, and the seconds of Strict-Transport-Security. X-Content-Type-Options is always nosniff."
  type = object({
    content_security_policy    = optional(string, "default-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'; object-src 'none'")
    frame_option               = optional(string, "DENY")
    referrer_policy            = optional(string, "strict-origin-when-cross-origin")
    transport_security_seconds = optional(number, 31536000)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["DENY", "SAMEORIGIN"], var.security_headers.frame_option)
    error_message = "security_headers.frame_option must be DENY or SAMEORIGIN; browsers know no other value."
  }

  validation {
    condition = contains([
      "no-referrer", "no-referrer-when-downgrade", "origin", "origin-when-cross-origin", "same-origin",
      "strict-origin", "strict-origin-when-cross-origin", "unsafe-url",
    ], var.security_headers.referrer_policy)
    error_message = "security_headers.referrer_policy must be a value of the header Referrer-Policy: use strict-origin-when-cross-origin or no-referrer."
  }

  validation {
    condition     = var.security_headers.transport_security_seconds >= 0 && floor(var.security_headers.transport_security_seconds) == var.security_headers.transport_security_seconds
    error_message = "security_headers.transport_security_seconds must be a whole number of 0 or more. Use 31536000 for a year."
  }

  validation {
    condition     = var.security_headers.content_security_policy == null || try(can(regex("^[ -~]+$", var.security_headers.content_security_policy)) && length(var.security_headers.content_security_policy) <= 1783, false)
    error_message = "security_headers.content_security_policy must be 1-1783 printable ASCII characters in a line, which is what CloudFront accepts. Use null for no Content-Security-Policy."
  }
}

variable "tags" {
  description = "Tags of this instance, added to the default_tags of the provider."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "web_acl" {
  description = "Web ACL of AWS WAF with the scope CLOUDFRONT. Null puts no web ACL before the site."
  type = object({
    arn = string
  })
  default = null

  validation {
    condition     = var.web_acl == null || can(regex("^arn:[a-z-]+:wafv2:us-east-1:[0-9]{12}:global/webacl/", var.web_acl.arn))
    error_message = "web_acl.arn must be the ARN of a web ACL with the scope CLOUDFRONT, which begins with arn:aws:wafv2:us-east-1 and has global/webacl. Create the web ACL with that scope in us-east-1."
  }
}
