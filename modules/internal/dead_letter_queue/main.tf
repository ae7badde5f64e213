locals {
  name = "${var.name}-dead-letter"
}

module "policy" {
  source = "../publisher_policy"

  service    = "sqs"
  name       = local.name
  publishers = var.publishers
}

resource "aws_sqs_queue" "this" {
  name                      = local.name
  message_retention_seconds = var.message_retention_days * 86400

  # SQS's own key serves service publishers; alias/aws/sqs does not (its key policy is read-only).
  sqs_managed_sse_enabled = var.operations.kms_key == null ? true : null
  kms_master_key_id       = one(var.operations.kms_key[*].arn)

  # Inline: a separate aws_sqs_queue_policy waits half a minute for the change to propagate.
  policy = module.policy.policy_json

  tags = var.operations.tags
}

resource "aws_cloudwatch_metric_alarm" "this" {
  alarm_name        = "${local.name}-not-empty"
  alarm_description = "The dead-letter queue ${local.name} holds messages that failed permanently: read a message, correct the cause, then redrive."

  namespace   = "AWS/SQS"
  metric_name = "ApproximateNumberOfMessagesVisible"
  dimensions  = { QueueName = aws_sqs_queue.this.name }
  statistic   = "Maximum"
  period      = 60

  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  alarm_actions = var.operations.alarm[*].topic_arn

  tags = var.operations.tags
}
