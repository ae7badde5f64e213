locals {
  detailed = var.operations.alarm == null ? false : var.operations.alarm.detailed

  # A failure reaches the caller, the dead-letter queue or the state machine, each with an alarm of
  # its own; these name the function.
  alarms = merge(
    local.detailed ? {
      errors = {
        metric = "Errors"
        says   = "ended in an error or a timeout: see its log group /aws/lambda/${var.name}"
      }
      throttles = {
        metric = "Throttles"
        says   = "was refused for lack of concurrency: raise reserved_concurrency or the account's quota"
      }
    } : {},
    local.detailed && var.on_failure != null ? {
      undelivered-failures = {
        metric = "DestinationDeliveryFailures"
        says   = "failed, and the failed event could not be kept in its dead-letter queue: check the queue and its key"
      }
    } : {},
  )
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name        = "${var.name}-${each.key}"
  alarm_description = "The function ${var.name} ${each.value.says}."

  namespace   = "AWS/Lambda"
  metric_name = each.value.metric
  dimensions  = { FunctionName = aws_lambda_function.this.function_name }
  statistic   = "Sum"
  period      = 60

  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  alarm_actions = var.operations.alarm[*].topic_arn

  tags = var.operations.tags
}
