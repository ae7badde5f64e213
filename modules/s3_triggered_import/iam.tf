data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  pass_role_policies = var.pinpoint.api == null ? { pass-role = data.aws_iam_policy_document.pass_role.json } : {}
}

module "job_access" {
  source = "../internal/pinpoint_access"

  pinpoint   = var.pinpoint
  operations = concat(["CreateImportJob", "GetImportJobs"], var.reuse_segment ? ["GetSegments"] : [])
}

module "read_access" {
  source = "../internal/pinpoint_access"

  pinpoint   = var.pinpoint
  operations = ["GetImportJob"]
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

  dynamic "statement" {
    for_each = var.kms_key_arn[*]

    content {
      sid       = "ReadEncryptedMessages"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]
    }
  }
}

data "aws_iam_policy_document" "steps" {
  statement {
    sid       = "RunSteps"
    actions   = ["lambda:InvokeFunction"]
    resources = [module.start.function_arn, module.read.function_arn]
  }

  statement {
    sid       = "Notify"
    actions   = ["sns:Publish"]
    resources = [module.topic.topic_arn]
  }

  dynamic "statement" {
    for_each = var.kms_key_arn[*]

    content {
      sid       = "NotifyEncrypted"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }
}

# The service that imports reads the file by this role, not by its own rights.
resource "aws_iam_role" "import" {
  name               = "${var.name}-import"
  path               = "/engagement-hub/"
  description        = "Lets the project's import jobs read the dropped files."
  assume_role_policy = data.aws_iam_policy_document.import_trust.json

  tags = var.tags
}

data "aws_iam_policy_document" "import_trust" {
  # An engagement hub: its function may assume roles under this path, for this project only.
  dynamic "statement" {
    for_each = var.pinpoint.api == null ? [] : ["hub"]

    content {
      sid     = "HubWorksForThisProject"
      actions = ["sts:AssumeRole"]

      principals {
        type        = "AWS"
        identifiers = ["arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root"]
      }

      condition {
        test     = "StringEquals"
        variable = "sts:ExternalId"
        values   = [var.pinpoint.project_id]
      }
    }
  }

  dynamic "statement" {
    for_each = var.pinpoint.api == null ? ["pinpoint"] : []

    content {
      sid     = "PinpointWorksForThisProject"
      actions = ["sts:AssumeRole"]

      principals {
        type        = "Service"
        identifiers = ["pinpoint.amazonaws.com"]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [data.aws_caller_identity.current.account_id]
      }

      condition {
        test     = "ArnLike"
        variable = "aws:SourceArn"
        values   = ["arn:${data.aws_partition.current.partition}:mobiletargeting:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:apps/${var.pinpoint.project_id}*"]
      }
    }
  }
}

data "aws_iam_policy_document" "pass_role" {
  statement {
    sid       = "HandTheRoleToPinpoint"
    actions   = ["iam:PassRole"]
    resources = [aws_iam_role.import.arn]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["pinpoint.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "import" {
  statement {
    sid       = "ReadDroppedFiles"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket_arn}/${var.prefix}*"]
  }

  statement {
    sid       = "ListDroppedFiles"
    actions   = ["s3:ListBucket"]
    resources = [local.bucket_arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["${var.prefix}*"]
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
      resources = [statement.value]
    }
  }
}

resource "aws_iam_role_policy" "import" {
  name   = "read-dropped-files"
  role   = aws_iam_role.import.id
  policy = data.aws_iam_policy_document.import.json
}
