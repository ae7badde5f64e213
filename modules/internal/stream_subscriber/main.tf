# Event stream → function. A record that cannot be processed ends in the dead-letter queue.

# Two kinds of messages: records that no retry can process, which the function sends with their data,
# and records whose attempts the event source mapping has used up, as positions in the stream.
module "dead_letter" {
  source = "../dead_letter_queue"

  name       = "${var.name}-events"
  operations = var.operations
}

module "function" {
  source = "../lambda_function"

  name                 = "${var.name}-events"
  description          = var.function.description
  handler              = var.function.handler
  package              = var.package
  timeout_seconds      = var.function.timeout_seconds
  memory_mb            = var.function.memory_mb
  reserved_concurrency = var.function.reserved_concurrency
  environment          = merge(var.environment, { DEAD_LETTER_QUEUE_URL = module.dead_letter.queue_url })
  policies = merge(var.policies, {
    keep-failures = data.aws_iam_policy_document.keep_failures.json
    read-stream   = data.aws_iam_policy_document.read_stream.json
  })
  kms_actions = ["kms:Decrypt", "kms:GenerateDataKey"] # the dead-letter queue
  operations  = var.operations
}

data "aws_iam_policy_document" "read_stream" {
  # Lambda Developer Guide, "Processing records with Amazon Kinesis": permissions of the mapping.
  statement {
    sid = "ReadTheEventStream"
    actions = [
      "kinesis:DescribeStream",
      "kinesis:DescribeStreamSummary",
      "kinesis:GetRecords",
      "kinesis:GetShardIterator",
      "kinesis:ListShards",
    ]
    resources = [var.event_stream.stream_arn]
  }

  dynamic "statement" {
    for_each = var.event_stream.kms_key[*]

    content {
      sid       = "DecryptTheEventStream"
      actions   = ["kms:Decrypt"]
      resources = [statement.value.arn]
    }
  }
}

data "aws_iam_policy_document" "keep_failures" {
  statement {
    sid       = "KeepFailedRecords"
    actions   = ["sqs:SendMessage"]
    resources = [module.dead_letter.queue_arn]
  }
}

resource "aws_lambda_event_source_mapping" "this" {
  function_name    = module.function.function_arn
  event_source_arn = var.event_stream.stream_arn

  # From the oldest event in the stream: events of the six hours before the module was created count
  # too. Lambda discards older ones, and the dead-letter queue has their positions in the stream.
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = var.batches.size
  maximum_batching_window_in_seconds = var.batches.window_seconds
  parallelization_factor             = var.batches.parallelization_factor

  function_response_types        = ["ReportBatchItemFailures"]
  bisect_batch_on_function_error = true
  maximum_retry_attempts         = 50

  # A stream keeps events for at least a day, so that failed records can still be redriven.
  maximum_record_age_in_seconds = 21600

  # One pattern, because a mapping has five at most: events of other types cause no invocation.
  filter_criteria {
    filter {
      pattern = local.pattern
    }
  }

  destination_config {
    on_failure {
      destination_arn = module.dead_letter.queue_arn
    }
  }

  tags = var.operations.tags

  lifecycle {
    precondition {
      condition     = length(local.pattern) <= 4096
      error_message = "event_types must fit into a filter pattern of 4,096 characters, the limit of Lambda; the pattern has ${length(local.pattern)}. Use fewer or shorter event types, or a second copy of the module."
    }
  }
}

locals {
  pattern = jsonencode({ data = { event_type = var.event_types } })
}

# The alarms of the function do not report delays: a batch that the function returns is no error.
resource "aws_cloudwatch_metric_alarm" "late" {
  alarm_name        = "${var.name}-late"
  alarm_description = "${var.late.work} more than ${floor(var.late.seconds / 60)} minutes late: see the log group ${module.function.log_group_name} for the failures."

  namespace   = "AWS/Lambda"
  metric_name = "IteratorAge"
  dimensions  = { FunctionName = module.function.function_name }
  statistic   = "Maximum"
  period      = 60

  comparison_operator = "GreaterThanThreshold"
  threshold           = var.late.seconds * 1000 # milliseconds
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  alarm_actions = var.operations.alarm[*].topic_arn

  tags = var.operations.tags
}
