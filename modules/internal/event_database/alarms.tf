locals {
  # Alarms of each Firehose stream: metric, threshold and description.
  stream_alarms = {
    late = {
      metric     = "DeliveryToS3.DataFreshness"
      statistic  = "Maximum"
      comparison = "GreaterThanThreshold"
      threshold  = 900
      says       = "has not delivered events for 15 minutes: its log group /aws/kinesisfirehose/${var.name} names the cause (bucket, key, role or function)"
    }
    transform-failed = {
      metric     = "ExecuteProcessing.Success"
      statistic  = "Average"
      comparison = "LessThanThreshold"
      threshold  = 1
      says       = "could not run the function ${var.name}-transform; after three retries records go to errors/processing-failed/: correct the function, then replay them"
    }
    conversion-failed = {
      metric     = "FailedConversion.Records"
      statistic  = "Sum"
      comparison = "GreaterThanThreshold"
      threshold  = 0
      says       = "could not write rows by the table's columns; the records are in errors/format-conversion-failed/: correct the columns, then replay them"
    }
  }

  stream_alarm_pairs = merge([
    for stream in keys(local.streams) : { for key, alarm in local.stream_alarms : "${stream}-${key}" => merge(alarm, { stream = stream }) }
  ]...)
}

resource "aws_cloudwatch_metric_alarm" "stream" {
  for_each = local.stream_alarm_pairs

  alarm_name        = "${var.name}-${each.key}"
  alarm_description = "The Firehose stream ${var.name}-${each.value.stream} ${each.value.says}."

  namespace   = "AWS/Firehose"
  metric_name = each.value.metric
  dimensions  = { DeliveryStreamName = aws_kinesis_firehose_delivery_stream.this[each.value.stream].name }
  statistic   = each.value.statistic
  period      = 60

  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  alarm_actions = var.operations.alarm[*].topic_arn

  tags = var.operations.tags
}

# Metric that the function writes to its log: Firehose counts such records as processed.
resource "aws_cloudwatch_metric_alarm" "unreadable_records" {
  alarm_name        = "${var.name}-unreadable-records"
  alarm_description = "Records could not be read as events; they are in the bucket ${module.events_bucket.bucket_name} under errors/: read a record, correct the sender or the function, then replay the records."

  namespace   = "EventDatabase"
  metric_name = "UnreadableRecords"
  dimensions  = { FunctionName = module.transform_function.function_name }
  statistic   = "Sum"
  period      = 60

  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  alarm_actions = var.operations.alarm[*].topic_arn

  tags = var.operations.tags
}
