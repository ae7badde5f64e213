data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account_id    = data.aws_caller_identity.current.account_id
  default_group = "arn:${data.aws_partition.current.partition}:scheduler:${data.aws_region.current.id}:${local.account_id}:schedule-group/default"
  group_arn     = var.schedule_group_arn == null ? local.default_group : var.schedule_group_arn
}

# EventBridge Scheduler invokes the target with this role.
resource "aws_iam_role" "this" {
  name               = var.name
  description        = var.description
  assume_role_policy = data.aws_iam_policy_document.trust.json

  tags = var.operations.tags
}

data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "SchedulesOfThisGroupCallTheTarget"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      # EventBridge Scheduler User Guide, "Confused deputy prevention": the source is the schedule
      # group, not the schedule.
      values = [local.group_arn]
    }
  }
}

resource "aws_iam_role_policy" "this" {
  name   = "schedule"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.schedule.json
}

data "aws_iam_policy_document" "schedule" {
  statement {
    sid       = "CallTheTarget"
    actions   = [var.target.action]
    resources = [var.target.arn]
  }

  statement {
    sid       = "KeepCallsThatCouldNotBeMade"
    actions   = ["sqs:SendMessage"]
    resources = [var.dead_letter_queue_arn]
  }

  dynamic "statement" {
    for_each = var.operations.kms_key[*]

    content {
      sid       = "EncryptThem"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value.arn]
    }
  }
}
