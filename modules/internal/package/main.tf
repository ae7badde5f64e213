data "aws_caller_identity" "current" {}
data "aws_region" "current" {}

locals {
  release   = "${path.module}/../../.." # holds modules/ and dist/
  directory = var.packages.directory == null ? "${local.release}/dist" : var.packages.directory
  files     = { for archive in var.archives : archive => "${local.directory}/${archive}.zip" }
  uploaded  = var.packages.s3 == null ? local.files : {}
  hashes    = { for archive, file in local.uploaded : archive => fileexists(file) ? filesha256(file) : "missing" }
}

# Functions are created from S3 objects. With a local file the provider would create one function
# at a time (internal/service/lambda/function.go, mutexLambdaKey), and upload the zip again for
# every function.
resource "aws_s3_bucket" "this" {
  count = var.packages.s3 == null ? 1 : 0

  #checkov:skip=CKV_AWS_18:It holds the code of a release and no data.
  #checkov:skip=CKV_AWS_21:A key names its content by hash, so no object is ever overwritten.
  #checkov:skip=CKV_AWS_144:Lambda keeps its own copy of the code.
  #checkov:skip=CKV_AWS_145:It holds the code of a release, which is no secret; S3 encrypts with its own key.
  #checkov:skip=CKV2_AWS_61:Objects are deleted by Terraform when no function uses them.
  #checkov:skip=CKV2_AWS_62:No consumer waits for these objects.
  bucket        = "${var.name}-packages-${data.aws_caller_identity.current.account_id}-${data.aws_region.current.id}"
  force_destroy = true # copies of dist/

  tags = var.operations.tags
}

resource "aws_s3_bucket_public_access_block" "this" {
  count = length(aws_s3_bucket.this)

  bucket = aws_s3_bucket.this[0].id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

data "aws_iam_policy_document" "this" {
  count = length(aws_s3_bucket.this)

  statement {
    sid       = "RefuseUnencryptedTransport"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.this[0].arn, "${aws_s3_bucket.this[0].arn}/*"]

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
}

resource "aws_s3_bucket_policy" "this" {
  count = length(aws_s3_bucket.this)

  bucket = aws_s3_bucket.this[0].id
  policy = data.aws_iam_policy_document.this[0].json

  # S3 refuses two of these changes in parallel (OperationAborted).
  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_s3_object" "this" {
  for_each = local.uploaded

  bucket = aws_s3_bucket.this[0].id
  key    = "${local.hashes[each.key]}/${each.key}.zip"
  source = each.value

  # S3 allows at most ten tags on an object, and the default_tags of the provider would count.
  override_provider {
    default_tags {
      tags = {}
    }
  }

  lifecycle {
    # Functions are updated to the new object before the old object is deleted.
    create_before_destroy = true

    precondition {
      condition = fileexists(each.value)
      error_message = var.packages.directory == null ? join("\n", [
        "No Lambda package at ${each.value}. A module taken from git has no packages (docs/packages.md). Do one of these:",
        "- run `make -C ${abspath(local.release)} package`; below .terraform/modules the packages are lost with the next `terraform init -upgrade`;",
        "- set packages = { directory = \"…\" } to a directory of your own that holds ${each.key}.zip;",
        "- set packages = { s3 = { bucket = \"…\", prefix = \"…\" } } to the place of ${each.key}.zip in S3;",
        "- take the module from a release archive, which holds dist/.",
      ]) : "No Lambda package at ${each.value}: packages.directory must hold ${each.key}.zip. Run `make package` in the clone that the directory belongs to, or name the directory of a release archive (docs/packages.md)."
    }
  }
}
