data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  name = "${var.name}-dead-letter"

  # Built, because the policy inside the queue cannot refer to the queue.
  arn = "arn:${data.aws_partition.current.partition}:sqs:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:${local.name}"
}

data "aws_iam_policy_document" "this" {
  statement {
    sid       = "RefuseUnencryptedTransport"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [local.arn]

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
    for_each = var.publishers

    content {
      sid       = "Take${replace(title(replace(statement.key, "/[^A-Za-z0-9]+/", " ")), " ", "")}"
      actions   = ["sqs:SendMessage"]
      resources = [local.arn]

      principals {
        type        = "Service"
        identifiers = [statement.value.service]
      }

      condition {
        test     = "ArnLike"
        variable = "aws:SourceArn"
        values   = [statement.value.source_arn]
      }
    }
  }
}

resource "aws_sqs_queue" "this" {
  name                      = local.name
  message_retention_seconds = var.message_retention_days * 86400

  # SQS's own key lets service publishers in; alias/aws/sqs would not (its policy cannot be edited).
  sqs_managed_sse_enabled = var.kms_key_arn == null ? true : null
  kms_master_key_id       = var.kms_key_arn

  # Inline: a separate aws_sqs_queue_policy waits half a minute for the change to settle.
  policy = data.aws_iam_policy_document.this.json

  tags = var.tags
}

resource "aws_cloudwatch_metric_alarm" "this" {
  alarm_name        = "${local.name}-not-empty"
  alarm_description = "Something failed for good and waits in ${local.name}: read it, mend the cause, redrive."

  namespace   = "AWS/SQS"
  metric_name = "ApproximateNumberOfMessagesVisible"
  dimensions  = { QueueName = aws_sqs_queue.this.name }
  statistic   = "Maximum"
  period      = 60

  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  alarm_actions = var.alarm == null ? [] : [var.alarm.topic_arn]

  tags = var.tags
}
