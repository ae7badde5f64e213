data "aws_caller_identity" "current" {}
data "aws_region" "current" {}

locals {
  # One statement for actions on objects and one for actions on the bucket, because their resources differ.
  statements = merge(
    {
      for sid, service in var.services : sid => merge(service, {
        actions  = service.object_actions
        resource = "${aws_s3_bucket.this.arn}/${service.prefix}*"
      }) if length(service.object_actions) > 0
    },
    {
      for sid, service in var.services : "${sid}Bucket" => merge(service, {
        actions  = service.bucket_actions
        resource = aws_s3_bucket.this.arn
      }) if length(service.bucket_actions) > 0
    },
  )
}

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_18:Access logs need a bucket of their own; CloudTrail data events record the same for an account that wants it.
  #checkov:skip=CKV_AWS_144:The objects are copies on their way through; a second region would double the places that hold personal data.
  #checkov:skip=CKV_AWS_145:S3 encrypts with its own key (AES256); a customer managed one is used when kms_key is given.
  #checkov:skip=CKV2_AWS_62:Events go to EventBridge where the caller asks for them (eventbridge).
  bucket        = "${var.name}-${data.aws_caller_identity.current.account_id}-${data.aws_region.current.id}"
  force_destroy = var.force_destroy

  object_lock_enabled = var.object_lock != null

  tags = var.operations.tags
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket = aws_s3_bucket.this.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    # A bucket key serves many objects with one KMS request.
    bucket_key_enabled = var.operations.kms_key == null ? null : true

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.operations.kms_key == null ? "AES256" : "aws:kms"
      kms_master_key_id = one(var.operations.kms_key[*].arn)
    }
  }
}

resource "aws_s3_bucket_object_lock_configuration" "this" {
  count = var.object_lock == null ? 0 : 1

  bucket = aws_s3_bucket.this.id

  rule {
    default_retention {
      mode = var.object_lock.mode
      days = var.object_lock.days
    }
  }

  # Object Lock works on versions.
  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    id     = "tidy-up"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }

    dynamic "noncurrent_version_expiration" {
      for_each = var.version_days[*]

      content {
        noncurrent_days = noncurrent_version_expiration.value
      }
    }

    expiration {
      expired_object_delete_marker = true
    }
  }

  dynamic "rule" {
    for_each = var.expiration_days

    content {
      id     = rule.key == "" ? "expire" : "expire-${rule.key}"
      status = "Enabled"

      filter {
        prefix = rule.key
      }

      expiration {
        days = rule.value
      }
    }
  }

  dynamic "rule" {
    for_each = var.transitions

    content {
      id     = rule.key == "" ? "transition" : "transition-${rule.key}"
      status = "Enabled"

      # With a size in the filter, S3's own least size for transitions (128 KB) does not count.
      filter {
        and {
          prefix                   = rule.key
          object_size_greater_than = rule.value.larger_than_bytes
        }
      }

      transition {
        days          = rule.value.after_days
        storage_class = rule.value.storage_class
      }
    }
  }

  # S3 accepts rules on noncurrent versions only after versioning is enabled.
  depends_on = [aws_s3_bucket_versioning.this]
}

data "aws_iam_policy_document" "this" {
  statement {
    sid       = "RefuseUnencryptedTransport"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  dynamic "statement" {
    for_each = local.statements

    content {
      sid       = statement.key
      actions   = statement.value.actions
      resources = [statement.value.resource]

      principals {
        type        = "Service"
        identifiers = [statement.value.service]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:SourceArn"
        values   = [statement.value.source_arn]
      }

      dynamic "condition" {
        for_each = statement.value.conditions

        content {
          test     = "StringEquals"
          variable = condition.key
          values   = [condition.value]
        }
      }
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id
  policy = data.aws_iam_policy_document.this.json

  # S3 refuses two of these changes in parallel (OperationAborted).
  depends_on = [aws_s3_bucket_ownership_controls.this, aws_s3_bucket_public_access_block.this]
}

resource "aws_s3_bucket_notification" "this" {
  count = var.eventbridge ? 1 : 0

  bucket      = aws_s3_bucket.this.id
  eventbridge = true
}
