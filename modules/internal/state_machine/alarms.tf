locals {
  detailed = var.operations.alarm == null ? false : var.operations.alarm.detailed

  alarms = merge(
    var.failure_alarms ? {
      executions-failed = {
        metric = "ExecutionsFailed"
        says   = "had an execution that failed: its history names the state and the cause"
      }
      executions-timed-out = {
        metric = "ExecutionsTimedOut"
        says   = "had an execution that ran out of time: its history names the state it waited in"
      }
    } : {},
    # A throttled execution continues later; otherwise it fails or times out, which has its own alarm.
    local.detailed ? {
      executions-throttled = {
        metric = "ExecutionThrottled"
        says   = "was throttled: its transitions exceed the account's Step Functions quota"
      }
    } : {},
  )
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name        = "${var.name}-${each.key}"
  alarm_description = "The state machine ${var.name} ${each.value.says}."

  namespace   = "AWS/States"
  metric_name = each.value.metric
  dimensions  = { StateMachineArn = aws_sfn_state_machine.this.arn }
  statistic   = "Sum"
  period      = 60

  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  alarm_actions = var.operations.alarm[*].topic_arn

  tags = var.operations.tags
}
