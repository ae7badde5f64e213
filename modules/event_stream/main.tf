locals {
  operations = {
    alarm              = var.alarm
    kms_key            = var.kms_key
    log_retention_days = var.log_retention_days
    tags               = var.tags
  }

  alarms = {
    throttled = {
      metric    = "WriteProvisionedThroughputExceeded"
      statistic = "Sum"
      threshold = 0
      says      = "refuses events for lack of capacity: raise stream.shards, or use mode ON_DEMAND"
    }
    unread = {
      metric    = "GetRecords.IteratorAgeMilliseconds"
      statistic = "Maximum"
      threshold = var.stream.retention_hours * 3600 * 1000 / 2
      says      = "has a subscriber that is behind by half the retention period: look at the subscribers' own alarms, or raise stream.retention_hours"
    }
  }
}

resource "aws_kinesis_stream" "this" {
  #checkov:skip=CKV_AWS_185:Kinesis encrypts with its own key (alias/aws/kinesis); a customer managed one is used when kms_key is given.
  name             = var.name
  shard_count      = var.stream.mode == "PROVISIONED" ? var.stream.shards : null
  retention_period = var.stream.retention_hours
  encryption_type  = "KMS"
  kms_key_id       = var.kms_key == null ? "alias/aws/kinesis" : var.kms_key.arn

  stream_mode_details {
    stream_mode = var.stream.mode
  }

  tags = var.tags
}

data "aws_iam_policy_document" "write" {
  statement {
    sid       = "WriteEvents"
    actions   = ["kinesis:DescribeStream", "kinesis:PutRecord", "kinesis:PutRecords"]
    resources = [aws_kinesis_stream.this.arn]
  }

  dynamic "statement" {
    for_each = var.kms_key[*]

    content {
      sid       = "UseTheKey"
      actions   = ["kms:DescribeKey", "kms:GenerateDataKey"]
      resources = [statement.value.arn]
    }
  }
}

# The project's host, a hub or Amazon Pinpoint, writes events with this role.
module "role" {
  source = "../internal/data_role"

  name        = "${var.name}-write"
  description = "Lets the project write its events to the stream ${var.name}."
  pinpoint    = var.pinpoint
  policy_json = data.aws_iam_policy_document.write.json
  operations  = local.operations
}

# A project has one event stream: registering another stream ends the events of every subscriber.
module "registration" {
  source = "../pinpoint_resources"

  name     = var.name
  packages = var.packages
  pinpoint = var.pinpoint

  event_stream = {
    stream_arn = aws_kinesis_stream.this.arn
    role_arn   = module.role.role_arn
    take_over  = var.take_over
  }

  alarm              = var.alarm
  kms_key            = var.kms_key
  log_retention_days = var.log_retention_days
  tags               = var.tags
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each = local.alarms

  alarm_name        = "${var.name}-${each.key}"
  alarm_description = "The event stream ${var.name} ${each.value.says}."

  namespace   = "AWS/Kinesis"
  metric_name = each.value.metric
  dimensions  = { StreamName = aws_kinesis_stream.this.name }
  statistic   = each.value.statistic
  period      = 60

  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  alarm_actions = var.alarm[*].topic_arn

  tags = var.tags
}
