locals {
  detailed = var.operations.alarm == null ? false : var.operations.alarm.detailed

  # A service cannot use alias/aws/sns: the policy of that key is read-only.
  needs_own_key = length(var.service_publishers) == 0 ? false : var.operations.kms_key == null
  kms_key = (
    local.needs_own_key ? aws_kms_key.this[0].arn
    : var.operations.kms_key == null ? "alias/aws/sns" : var.operations.kms_key.arn
  )
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

  # Inline, so that no message is published, and no endpoint subscribed, before the policy exists.
  policy = module.policy.policy_json

  tags = var.operations.tags
}

# An email address and a URL must confirm the subscription; a queue allows the topic in its own
# policy.
resource "aws_sns_topic_subscription" "this" {
  for_each = var.subscriptions

  topic_arn           = aws_sns_topic.this.arn
  protocol            = each.value.protocol
  endpoint            = each.value.endpoint
  filter_policy_scope = length(each.value.notification_types) == 0 ? null : "MessageAttributes"
  filter_policy       = length(each.value.notification_types) == 0 ? null : jsonencode({ notification_type = each.value.notification_types })
}

# A subscriber that subscribes itself has a dead-letter queue, with an alarm, of its own. The
# subscriptions of this block have no such queue: a notification that they do not take is lost.
resource "aws_cloudwatch_metric_alarm" "this" {
  count = length(var.subscriptions) > 0 || local.detailed ? 1 : 0

  alarm_name        = "${var.name}-undelivered"
  alarm_description = "The topic ${var.name} could not deliver a notification to a subscriber: check the endpoints of its subscriptions, and their dead-letter queues."

  namespace   = "AWS/SNS"
  metric_name = "NumberOfNotificationsFailed"
  dimensions  = { TopicName = aws_sns_topic.this.name }
  statistic   = "Sum"
  period      = 60

  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  alarm_actions = var.operations.alarm[*].topic_arn

  tags = var.operations.tags
}
