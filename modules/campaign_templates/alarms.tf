resource "aws_cloudwatch_metric_alarm" "failed_contents" {
  alarm_name        = "${var.name}-failed-contents"
  alarm_description = "Recipients got the default content, or no message, because their content could not be given: see the log group ${module.hook.log_group_name} for the reason."

  namespace   = "CampaignTemplates"
  metric_name = "FailedContents"
  dimensions  = { FunctionName = module.hook.function_name }
  statistic   = "Sum"
  period      = 300

  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  alarm_actions = var.alarm[*].topic_arn

  tags = var.tags
}

resource "aws_cloudwatch_metric_alarm" "failed_batches" {
  alarm_name        = "${var.name}-failed-batches"
  alarm_description = "Batches of a campaign failed, and their recipients get no message after the third attempt: see the log group ${module.hook.log_group_name} for the reason."

  namespace   = "AWS/Lambda"
  metric_name = "Errors"
  dimensions  = { FunctionName = module.hook.function_name }
  statistic   = "Sum"
  period      = 300

  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  alarm_actions = var.alarm[*].topic_arn

  tags = var.tags
}
