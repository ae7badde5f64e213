data "aws_partition" "current" {}

module "job_access" {
  source = "../internal/pinpoint_access"

  pinpoint       = var.pinpoint
  api_operations = concat(["CreateImportJob", "GetImportJobs"], var.reuse_segment ? ["GetSegments"] : [])
}

module "read_access" {
  source = "../internal/pinpoint_access"

  pinpoint       = var.pinpoint
  api_operations = ["GetImportJob"]
}

data "aws_iam_policy_document" "trigger" {
  statement {
    sid       = "StartImports"
    actions   = ["states:StartExecution"]
    resources = [module.state_machine.state_machine_arn]
  }

  statement {
    sid       = "ReadTheQueue"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    resources = [module.queue.queue_arn]
  }
}

data "aws_iam_policy_document" "steps" {
  statement {
    sid       = "RunSteps"
    actions   = ["lambda:InvokeFunction"]
    resources = concat([for function in module.job : function.function_arn], [module.copy_file.function_arn])
  }

  statement {
    sid       = "DeleteCopies"
    actions   = ["s3:DeleteObject", "s3:DeleteObjectVersion"]
    resources = ["${local.bucket_arn}/${local.copy_prefix}*"]
  }

  statement {
    sid       = "Notify"
    actions   = ["sns:Publish"]
    resources = [module.topic.topic_arn]
  }
}

data "aws_iam_policy_document" "copy_file" {
  statement {
    sid       = "ReadTheVersionsOfDroppedFiles"
    actions   = ["s3:GetObject", "s3:GetObjectVersion"]
    resources = ["${local.bucket_arn}/${var.prefix}*"]
  }

  statement {
    sid       = "WriteCopies"
    actions   = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:GetObject"] # GetObject: HeadObject returns the version
    resources = ["${local.bucket_arn}/${local.copy_prefix}*"]
  }

  statement {
    sid       = "FindTheCopiesOfEarlierAttempts"
    actions   = ["s3:ListBucketVersions"]
    resources = [local.bucket_arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["${local.copy_prefix}*"]
    }
  }

  statement {
    sid       = "DeleteTheCopiesOfEarlierAttempts"
    actions   = ["s3:DeleteObjectVersion"]
    resources = ["${local.bucket_arn}/${local.copy_prefix}*"]
  }

  dynamic "statement" {
    for_each = local.bucket_key[*]

    content {
      sid       = "UseTheKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value.arn]
    }
  }
}

# The importing service reads the file with this role, not with its own permissions.
module "import_role" {
  source = "../internal/data_role"

  name        = "${var.name}-import"
  description = "Lets the project's import jobs read the files in the bucket."
  pinpoint    = var.pinpoint
  policy_json = data.aws_iam_policy_document.import.json
  operations  = local.operations
}

data "aws_iam_policy_document" "import" {
  # The files for runs whose input names no version, their copies for all others.
  statement {
    sid       = "ReadFilesAndCopies"
    actions   = ["s3:GetObject"]
    resources = [for prefix in [var.prefix, local.copy_prefix] : "${local.bucket_arn}/${prefix}*"]
  }

  statement {
    sid       = "ListFilesAndCopies"
    actions   = ["s3:ListBucket"]
    resources = [local.bucket_arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = [for prefix in [var.prefix, local.copy_prefix] : "${prefix}*"]
    }
  }

  statement {
    sid       = "FindTheBucket"
    actions   = ["s3:GetBucketLocation"]
    resources = [local.bucket_arn]
  }

  dynamic "statement" {
    for_each = local.bucket_key[*]

    content {
      sid       = "ReadEncryptedFiles"
      actions   = ["kms:Decrypt"]
      resources = [statement.value.arn]
    }
  }
}
