locals {
  # Metric => when a person has to act. Each is a count of endpoints.
  alarms = {
    source-failing = {
      namespace   = "CampaignAttributes"
      metric      = "SourceFailures"
      description = "The source of attributes failed for endpoints: see the log group ${module.function.log_group_name} for the reason. The policy source_failed decided about their messages."
    }
    unusable-values = {
      namespace   = "CampaignAttributes"
      metric      = "UnusableValues"
      description = "The source has values that no attribute can have: see the log group ${module.function.log_group_name} for the attribute and the limit, and correct them. The policy unusable decided about the messages."
    }
    failed-batches = {
      namespace   = "AWS/Lambda"
      metric      = "Errors"
      description = "The hook failed for a batch of up to 50 endpoints: see the log group ${module.function.log_group_name}. A campaign repeats a batch twice; after that its endpoints get no message (HOOK_FAILURE)."
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name        = "${var.name}-${each.key}"
  alarm_description = each.value.description

  namespace   = each.value.namespace
  metric_name = each.value.metric
  dimensions  = { FunctionName = module.function.function_name }
  statistic   = "Sum"
  period      = 300

  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  alarm_actions = var.alarm[*].topic_arn

  tags = var.tags
}
