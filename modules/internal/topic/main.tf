locals {
  # A service cannot use alias/aws/sns: nobody can write it into that key's policy.
  needs_own_key = length(var.service_publishers) == 0 ? false : var.kms_key_arn == null
  kms_key       = local.needs_own_key ? aws_kms_key.this[0].arn : coalesce(var.kms_key_arn, "alias/aws/sns")
}

module "policy" {
  source = "../publisher_policy"

  service    = "sns"
  name       = var.name
  publishers = var.service_publishers
}

resource "aws_sns_topic" "this" {
  name              = var.name
  kms_master_key_id = local.kms_key
  signature_version = 2

  # Inline, so that nobody publishes or subscribes before the policy is there.
  policy = module.policy.policy_json

  tags = var.tags
}

resource "aws_cloudwatch_metric_alarm" "this" {
  alarm_name        = "${var.name}-undelivered"
  alarm_description = "The topic ${var.name} could not deliver to a subscriber: look into the subscription's dead-letter queue."

  namespace   = "AWS/SNS"
  metric_name = "NumberOfNotificationsFailed"
  dimensions  = { TopicName = aws_sns_topic.this.name }
  statistic   = "Sum"
  period      = 60

  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  alarm_actions = var.alarm == null ? [] : [var.alarm.topic_arn]

  tags = var.tags
}
