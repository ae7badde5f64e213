# Access logs of the distribution and of the bucket, in a bucket without ACLs.

locals {
  bucket_log_prefix = "bucket/"
  # CloudFront Developer Guide, "Configure standard logging (v2)": the prefix of deliveries to S3.
  distribution_log_prefix = "AWSLogs/${local.account_id}/CloudFront/"

  # S3 writes access logs only to a bucket that is encrypted with the key of S3: S3 User Guide, "Enabling
  # Amazon S3 server access logging".
  log_operations = merge(local.operations, { kms_key = null })

  # Standard logging reference, "Log file fields", without cookies, query strings, forwarded headers and
  # the Referer, which has the query string of the page before.
  log_fields = concat(
    [
      "date", "time", "x-edge-location", "sc-bytes", "cs-method", "cs(Host)", "cs-uri-stem", "sc-status",
      "cs(User-Agent)", "x-edge-result-type", "x-edge-request-id", "cs-protocol", "cs-bytes",
      "time-taken", "ssl-protocol", "sc-content-type",
    ],
    var.access_logs.viewer_addresses ? ["c-ip"] : [],
  )
}

module "log_bucket" {
  source = "../internal/bucket"

  name = "${var.name}-logs"
  expiration_days = {
    (local.bucket_log_prefix)       = var.access_logs.retention_days
    (local.distribution_log_prefix) = var.access_logs.retention_days
  }
  force_destroy = var.force_destroy

  services = {
    # S3 User Guide, "Permissions for server access log delivery".
    S3WritesTheLogsOfTheSite = {
      service        = "logging.s3.amazonaws.com"
      source_arn     = module.bucket.bucket_arn
      object_actions = ["s3:PutObject"]
      prefix         = local.bucket_log_prefix
      conditions     = { "aws:SourceAccount" = local.account_id }
    }

    # CloudWatch Logs User Guide, "Logs sent to Amazon S3" [V2]: without the statement the delivery writes a
    # bucket policy of its own.
    CloudFrontDeliversItsLogs = {
      service        = "delivery.logs.amazonaws.com"
      source_arn     = aws_cloudwatch_log_delivery_source.this.arn
      object_actions = ["s3:PutObject"]
      prefix         = local.distribution_log_prefix
      conditions = {
        "aws:SourceAccount" = local.account_id
        "s3:x-amz-acl"      = "bucket-owner-full-control"
      }
    }
  }

  operations = local.log_operations
}

resource "aws_s3_bucket_logging" "this" {
  bucket = module.bucket.bucket_name

  target_bucket = module.log_bucket.bucket_name
  target_prefix = local.bucket_log_prefix

  target_object_key_format {
    partitioned_prefix {
      partition_date_source = "EventTime"
    }
  }
}

resource "aws_cloudwatch_log_delivery_source" "this" {
  name         = "${var.name}-site"
  log_type     = "ACCESS_LOGS"
  resource_arn = aws_cloudfront_distribution.this.arn

  tags = var.tags
}

resource "aws_cloudwatch_log_delivery_destination" "this" {
  name          = "${var.name}-site"
  output_format = "json"

  delivery_destination_configuration {
    destination_resource_arn = module.log_bucket.bucket_arn
  }

  tags = var.tags
}

resource "terraform_data" "log_fields" {
  input = local.log_fields
}

resource "aws_cloudwatch_log_delivery" "this" {
  delivery_source_name     = aws_cloudwatch_log_delivery_source.this.name
  delivery_destination_arn = aws_cloudwatch_log_delivery_destination.this.arn
  record_fields            = local.log_fields

  tags = var.tags

  lifecycle {
    # An update of the fields is refused (provider issue 46108).
    replace_triggered_by = [terraform_data.log_fields]
  }
}
