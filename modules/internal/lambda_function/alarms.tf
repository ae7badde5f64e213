locals {
  detailed = var.operations.alarm == null ? false : var.operations.alarm.detailed

  # Alarms that name the function. A failure also reaches the caller, the dead-letter queue or the
  # state machine, each with an alarm of its own.
  alarms = merge(
    local.detailed ? {
      errors = {
        metric = "Errors"
        says   = "had invocations that ended in an error or a timeout: see its log group /aws/lambda/${var.name}"
      }
      throttles = {
        metric = "Throttles"
        says   = "was throttled: raise reserved_concurrency or the account's concurrency quota"
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
