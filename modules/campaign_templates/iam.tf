# A public CMS without a secret needs no permission.
data "aws_iam_policy_document" "contents" {
  count = var.store.cms != null && local.header == null ? 0 : 1

  dynamic "statement" {
    for_each = local.from_bucket ? { newest = "s3:GetObject" } : {}

    content {
      sid       = "ReadContents"
      actions   = [statement.value]
      resources = ["${local.bucket_arn}/${var.store.prefix}*"]
    }
  }

  dynamic "statement" {
    for_each = local.from_bucket && length(var.store.versions) > 0 ? { pinned = "s3:GetObjectVersion" } : {}

    content {
      sid       = "ReadPinnedContents"
      actions   = [statement.value]
      resources = [for name in sort(keys(var.store.versions)) : "${local.bucket_arn}/${var.store.prefix}${name}.json"]
    }
  }

  # Amazon S3 API reference, "GetObject": without this permission S3 answers 403 for an absent key, and
  # a locale without content would look like a content that may not be read.
  dynamic "statement" {
    for_each = local.from_bucket ? { bucket = local.bucket_arn } : {}

    content {
      sid       = "KnowThatALocaleHasNoContent"
      actions   = ["s3:ListBucket"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = local.header == null ? [] : local.header.secret[*]

    content {
      sid       = "ReadTheSecretOfTheHeader"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = [statement.value.arn]
    }
  }

  dynamic "statement" {
    for_each = local.header == null ? [] : local.header.parameter[*]

    content {
      sid       = "ReadTheParameterOfTheHeader"
      actions   = ["ssm:GetParameter"]
      resources = [statement.value.arn]
    }
  }

  dynamic "statement" {
    for_each = concat(
      local.own_bucket ? [] : local.bucket_key[*],
      local.header == null ? [] : local.header.secret == null ? [] : local.header.secret.kms_key[*],
      local.header == null ? [] : local.header.parameter == null ? [] : local.header.parameter.kms_key[*],
    )

    content {
      sid       = "DecryptTheStore"
      actions   = ["kms:Decrypt"]
      resources = [statement.value.arn]
    }
  }

  dynamic "statement" {
    for_each = var.store.function[*]

    content {
      sid       = "AskTheFunction"
      actions   = ["lambda:InvokeFunction"]
      resources = [statement.value.arn]
    }
  }
}
