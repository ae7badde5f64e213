# Bucket ← Origin Access Control ← distribution: policies of the cache and of the response headers,
# index documents, logs of both in a bucket of their own.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  operations = {
    alarm              = var.alarm
    kms_key            = var.kms_key
    log_retention_days = var.log_retention_days
    tags               = var.tags
  }

  headers_of_s3 = toset([
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-bucket-key-enabled",
    "x-amz-tagging-count",
    "x-amz-version-id",
  ])

  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  url        = "https://${var.domain == null ? aws_cloudfront_distribution.this.domain_name : var.domain.names[0]}/"
}

module "bucket" {
  source = "../internal/bucket"

  name          = "${var.name}-site"
  eventbridge   = var.invalidation != null
  force_destroy = var.force_destroy

  services = {
    CloudFrontReadsTheSite = {
      service        = "cloudfront.amazonaws.com"
      source_arn     = aws_cloudfront_distribution.this.arn
      object_actions = ["s3:GetObject"]
      # With this permission S3 answers 404 for a missing object, otherwise 403: S3 API reference, GetObject.
      bucket_actions = ["s3:ListBucket"]
    }
  }

  operations = local.operations
}

resource "aws_cloudfront_origin_access_control" "this" {
  name        = "${var.name}-site"
  description = "Signs the requests of the distribution to the bucket of ${var.name}."

  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

resource "aws_cloudfront_cache_policy" "this" {
  name    = "${var.name}-site"
  comment = "Keeps objects of ${var.name}. Their Cache-Control header decides up to the maximum."

  min_ttl     = 0
  default_ttl = var.cache.default_seconds
  max_ttl     = var.cache.max_seconds

  parameters_in_cache_key_and_forwarded_to_origin {
    enable_accept_encoding_brotli = true
    enable_accept_encoding_gzip   = true

    # An object is the same for every viewer.
    cookies_config {
      cookie_behavior = "none"
    }

    headers_config {
      header_behavior = "none"
    }

    query_strings_config {
      query_string_behavior = "none"
    }
  }
}

resource "aws_cloudfront_response_headers_policy" "this" {
  #checkov:skip=CKV_AWS_259:Strict-Transport-Security is sent; includeSubDomains and preload would bind hosts of the domain that are not this site.
  name    = "${var.name}-site"
  comment = "Security headers of ${var.name}, and CORS for its images and fonts."

  security_headers_config {
    content_type_options {
      override = true
    }

    frame_options {
      frame_option = var.security_headers.frame_option
      override     = true
    }

    referrer_policy {
      referrer_policy = var.security_headers.referrer_policy
      override        = true
    }

    strict_transport_security {
      access_control_max_age_sec = var.security_headers.transport_security_seconds
      include_subdomains         = false
      preload                    = false
      override                   = true
    }

    dynamic "content_security_policy" {
      for_each = var.security_headers.content_security_policy[*]

      content {
        content_security_policy = content_security_policy.value
        override                = true
      }
    }
  }

  # S3 tells every viewer the version, and the ARN of the KMS key with the id of the account.
  remove_headers_config {
    dynamic "items" {
      for_each = local.headers_of_s3

      content {
        header = items.value
      }
    }
  }

  dynamic "cors_config" {
    for_each = var.cors[*]

    content {
      access_control_allow_credentials = false
      origin_override                  = true

      access_control_allow_headers {
        items = ["*"]
      }

      access_control_allow_methods {
        items = ["GET", "HEAD"]
      }

      access_control_allow_origins {
        items = cors_config.value.allowed_origins
      }
    }
  }
}

resource "aws_cloudfront_function" "index_documents" {
  name    = "${var.name}-index-documents"
  comment = "Answers a directory with its index document."
  runtime = "cloudfront-js-2.0"
  publish = true
  code    = file("${path.module}/index_documents.js")
}

resource "aws_cloudfront_distribution" "this" {
  #checkov:skip=CKV_AWS_86:Standard logging v2 (logs.tf) replaces the legacy logs, which need a bucket with ACLs.
  #checkov:skip=CKV_AWS_68:The content is public and static; a web ACL is used when web_acl is given.
  #checkov:skip=CKV2_AWS_47:The content is public and static; a web ACL is used when web_acl is given.
  #checkov:skip=CKV_AWS_310:The bucket is the only origin.
  #checkov:skip=CKV_AWS_174:CloudFront fixes the TLS version of its own certificate; with domain it is TLS 1.2 or newer.
  #checkov:skip=CKV_AWS_374:The site is for every country; geo_restriction limits it.
  #checkov:skip=CKV2_AWS_42:The default certificate serves the name of CloudFront; domain brings another certificate.
  comment = "Site ${var.name}."
  enabled = true

  aliases             = var.domain == null ? [] : var.domain.names
  default_root_object = "index.html"
  http_version        = "http2and3"
  is_ipv6_enabled     = true
  price_class         = var.price_class
  web_acl_id          = one(var.web_acl[*].arn)

  origin {
    origin_id                = "bucket"
    domain_name              = module.bucket.regional_domain_name
    origin_access_control_id = aws_cloudfront_origin_access_control.this.id
  }

  default_cache_behavior {
    target_origin_id       = "bucket"
    viewer_protocol_policy = "redirect-to-https"
    allowed_methods        = ["GET", "HEAD"]
    cached_methods         = ["GET", "HEAD"]
    compress               = true

    cache_policy_id            = aws_cloudfront_cache_policy.this.id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.this.id

    function_association {
      event_type   = "viewer-request"
      function_arn = aws_cloudfront_function.index_documents.arn
    }
  }

  custom_error_response {
    error_code            = 404
    response_code         = 404
    response_page_path    = "/${var.not_found_page}"
    error_caching_min_ttl = var.cache.error_seconds
  }

  restrictions {
    geo_restriction {
      restriction_type = var.geo_restriction == null ? "none" : { allow = "whitelist", deny = "blacklist" }[var.geo_restriction.action]
      locations        = var.geo_restriction == null ? [] : var.geo_restriction.countries
    }
  }

  viewer_certificate {
    cloudfront_default_certificate = var.domain == null
    acm_certificate_arn            = one(var.domain[*].certificate_arn)
    # CloudFront ignores the version for its own certificate and answers TLSv1: API reference, ViewerCertificate.
    minimum_protocol_version = var.domain == null ? "TLSv1" : "TLSv1.2_2021"
    ssl_support_method       = var.domain == null ? null : "sni-only"
  }

  tags = var.tags

  lifecycle {
    precondition {
      condition     = data.aws_region.current.id == "us-east-1"
      error_message = "simple_cms must be applied in us-east-1, where CloudFront has its log deliveries and metrics. Give the module a provider of that region: providers = { aws = aws.us_east_1 }."
    }

    precondition {
      condition = alltrue([
        for arn in concat(var.alarm[*].topic_arn, var.kms_key[*].arn) :
        try(split(":", arn)[3], "") == data.aws_region.current.id
      ])
      error_message = "alarm.topic_arn and kms_key.arn must be of the module's region, us-east-1: CloudWatch notifies no topic and S3 takes no key of another region. Create a topic or key there."
    }

    precondition {
      condition     = var.cache.default_seconds <= var.cache.max_seconds
      error_message = "cache.default_seconds must not be above cache.max_seconds: CloudFront refuses such a cache policy. Raise max_seconds."
    }
  }
}

# CloudFront has its metrics in us-east-1 only.
resource "aws_cloudwatch_metric_alarm" "server_errors" {
  alarm_name        = "${var.name}-server-errors"
  alarm_description = "More than 5 % of the requests to the site ${var.name} ended in a 5xx error for 15 minutes: the index document function, the bucket or its KMS key refuses to work."

  namespace   = "AWS/CloudFront"
  metric_name = "5xxErrorRate"
  dimensions  = { DistributionId = aws_cloudfront_distribution.this.id, Region = "Global" }
  statistic   = "Average"
  period      = 300

  comparison_operator = "GreaterThanThreshold"
  threshold           = 5
  evaluation_periods  = 3
  treat_missing_data  = "notBreaching"

  alarm_actions = var.alarm[*].topic_arn

  tags = var.tags
}
