# SES reviews an account whose rates reach these thresholds, and may pause its sending: SES Developer
# Guide, "Using the reputation metrics". The rates count every email of the account.

locals {
  reputation = {
    bounce-rate = {
      metric    = "Reputation.BounceRate"
      threshold = var.reputation_thresholds.bounce_rate
      says      = "bounce"
    }
    complaint-rate = {
      metric    = "Reputation.ComplaintRate"
      threshold = var.reputation_thresholds.complaint_rate
      says      = "are complained about"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "reputation" {
  for_each = local.reputation

  alarm_name        = "${var.name}-${each.key}"
  alarm_description = "Too many emails of this account and region ${each.value.says}: find the mailing in the address table's last_seen and message_id, and stop it."

  namespace   = "AWS/SES"
  metric_name = each.value.metric
  statistic   = "Maximum"
  period      = 3600

  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = each.value.threshold
  evaluation_periods  = 1
  treat_missing_data  = "ignore" # SES reports a rate only when it changes

  alarm_actions = var.alarm[*].topic_arn

  tags = var.tags
}
