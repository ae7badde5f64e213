# Dashboard and alarms.

locals {
  namespace = "SesLoadTesting"

  sender = module.sender.function_name
  watch  = module.quota_watch.function_name

  alarms = {
    parked = {
      says       = "The queue ${aws_sqs_queue.parked.name} holds emails that may have been sent: look for their tags among the events, then delete the messages or queue them under a new idempotency_key."
      namespace  = "AWS/SQS"
      metric     = "ApproximateNumberOfMessagesVisible"
      dimensions = { QueueName = aws_sqs_queue.parked.name }
      threshold  = 0
      period     = 60
      missing    = "notBreaching"
    }
    oldest-message = {
      says       = "The oldest message has waited for more than ${var.oldest_message_minutes} minutes: producers exceed the account's rate, or the sender fails."
      namespace  = "AWS/SQS"
      metric     = "ApproximateAgeOfOldestMessage"
      dimensions = { QueueName = module.queue.queue_name }
      threshold  = var.oldest_message_minutes * 60
      period     = 60
      missing    = "notBreaching"
    }
    stopped-by-account = {
      says       = "SES does not let the account send: see the account dashboard of SES. Deliveries start again automatically when SES lets it send."
      namespace  = local.namespace
      metric     = "StoppedByAccount"
      dimensions = { FunctionName = local.watch }
      threshold  = 0
      # The metric is written every five minutes; until then the last state applies.
      period  = 300
      missing = "ignore"
    }
    stopped-by-quota = {
      says       = "The account's 24-hour quota is used up. Deliveries start again automatically when quota is free; request a higher quota from SES."
      namespace  = local.namespace
      metric     = "StoppedByQuota"
      dimensions = { FunctionName = local.watch }
      threshold  = 0
      # The metric is written every five minutes; until then the last state applies.
      period  = 300
      missing = "ignore"
    }
    unrecorded-calls = {
      says       = "Outcomes could not be written to ${aws_dynamodb_table.state.name}: their messages are processed, but a copy of such a message would be parked."
      namespace  = local.namespace
      metric     = "UnrecordedCalls"
      dimensions = { FunctionName = local.sender }
      threshold  = 0
      period     = 60
      missing    = "notBreaching"
    }
  }

  widgets = [
    {
      title = "Emails a minute", stat = "Sum"
      metrics = [
        for metric in ["Sent", "Throttled", "Failed", "Parked", "Duplicates", "ReturnedToQueue"] :
        [local.namespace, metric, "FunctionName", local.sender]
      ]
    },
    {
      title = "Messages on the queues", stat = "Maximum"
      metrics = [
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", module.queue.queue_name],
        ["AWS/SQS", "ApproximateNumberOfMessagesNotVisible", "QueueName", module.queue.queue_name],
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", module.queue.dead_letter_queue_name],
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", aws_sqs_queue.parked.name],
      ]
    },
    {
      title = "Milliseconds from queue to send", stat = "p50"
      metrics = [
        for stat in ["p50", "p95", "p99"] :
        [local.namespace, "QueueToSendMilliseconds", "FunctionName", local.sender, { stat = stat }]
      ]
    },
    {
      title = "Milliseconds of a call to SES", stat = "p50"
      metrics = [
        for stat in ["p50", "p99"] :
        [local.namespace, "SesCallMilliseconds", "FunctionName", local.sender, { stat = stat }]
      ]
    },
    {
      title = "Age of the oldest message in seconds", stat = "Maximum"
      metrics = [
        ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", module.queue.queue_name],
      ]
    },
    {
      title = "Deliveries stopped", stat = "Maximum"
      metrics = [
        for metric in ["StoppedByQuota", "StoppedByAccount"] :
        [local.namespace, metric, "FunctionName", local.watch]
      ]
    },
    {
      title = "Senders", stat = "Maximum"
      metrics = [
        for metric in ["ConcurrentExecutions", "Errors", "Throttles"] :
        ["AWS/Lambda", metric, "FunctionName", local.sender]
      ]
    },
    {
      title = "The account's emails", stat = "Sum"
      metrics = [
        for metric in ["Send", "Delivery", "Bounce", "Complaint"] : ["AWS/SES", metric]
      ]
    },
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  count = var.dashboard ? 1 : 0

  dashboard_name = var.name

  dashboard_body = jsonencode({
    widgets = [
      for index, widget in local.widgets : {
        type   = "metric"
        x      = index % 2 * 12
        y      = floor(index / 2) * 6
        width  = 12
        height = 6
        properties = {
          title   = widget.title
          metrics = widget.metrics
          stat    = widget.stat
          period  = 60
          region  = local.region
          view    = "timeSeries"
        }
      }
    ]
  })
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name        = "${var.name}-${each.key}"
  alarm_description = each.value.says

  namespace   = each.value.namespace
  metric_name = each.value.metric
  dimensions  = each.value.dimensions
  statistic   = "Maximum"
  period      = each.value.period

  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  evaluation_periods  = 1
  treat_missing_data  = each.value.missing

  alarm_actions = var.alarm[*].topic_arn

  tags = var.tags
}
