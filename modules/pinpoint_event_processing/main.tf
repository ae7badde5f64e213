# Bounce or complaint in the event stream → function → suppressed address.

locals {
  operations = {
    alarm              = var.alarm
    kms_key            = var.kms_key
    log_retention_days = var.log_retention_days
    tags               = var.tags
  }

  # Other events in the stream cause no invocation.
  event_types = ["_email.hardbounce", "_email.softbounce", "_email.complaint"]
}

module "package" {
  source = "../internal/package"

  name     = var.name
  archives = ["pinpoint_event_processing"]
  packages = var.packages

  operations = local.operations
}

module "suppression" {
  source = "../internal/address_suppression"

  name              = var.name
  event_source      = "pinpoint_event_processing"
  address_table     = var.address_table
  event_bus_name    = var.event_bus_name
  transient_bounces = var.transient_bounces
  operations        = local.operations
}

# Two kinds of messages: records that no retry can process, which the function sends with their data,
# and records whose attempts the event source mapping has used up, as positions in the stream.
module "dead_letter" {
  source = "../internal/dead_letter_queue"

  name       = "${var.name}-events"
  operations = local.operations
}

module "function" {
  source = "../internal/lambda_function"

  name            = "${var.name}-events"
  description     = "Suppresses addresses that bounced or complained."
  handler         = "pinpoint_event_processing.functions.suppress.lambda_handler"
  package         = module.package.archives["pinpoint_event_processing"]
  timeout_seconds = 60
  environment = merge(module.suppression.environment, {
    DEAD_LETTER_QUEUE_URL = module.dead_letter.queue_url
  })
  policies = {
    keep-failures = data.aws_iam_policy_document.keep_failures.json
    read-stream   = data.aws_iam_policy_document.read_stream.json
    suppress      = module.suppression.policy_json
  }
  kms_actions = ["kms:Decrypt", "kms:GenerateDataKey"] # the dead-letter queue
  operations  = local.operations
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

resource "aws_lambda_event_source_mapping" "stream" {
  function_name    = module.function.function_arn
  event_source_arn = var.event_stream.stream_arn

  # From the oldest event in the stream: events from before the module was created count too.
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = 100
  maximum_batching_window_in_seconds = 1
  parallelization_factor             = 4 # the order does not matter, and SES's responses are slow

  function_response_types        = ["ReportBatchItemFailures"]
  bisect_batch_on_function_error = true
  maximum_retry_attempts         = 50

  # A stream keeps events for at least a day, so that failed records can still be redriven.
  maximum_record_age_in_seconds = 21600

  filter_criteria {
    filter {
      pattern = jsonencode({ data = { event_type = local.event_types } })
    }
  }

  destination_config {
    on_failure {
      destination_arn = module.dead_letter.queue_arn
    }
  }

  tags = var.tags
}

# The alarms of the function do not report delays: a batch that the function returns is no error.
resource "aws_cloudwatch_metric_alarm" "late" {
  alarm_name        = "${var.name}-late"
  alarm_description = "Bounces and complaints are processed more than five minutes late: see the log group ${module.function.log_group_name} for the failures."

  namespace   = "AWS/Lambda"
  metric_name = "IteratorAge"
  dimensions  = { FunctionName = module.function.function_name }
  statistic   = "Maximum"
  period      = 60

  comparison_operator = "GreaterThanThreshold"
  threshold           = 300000 # milliseconds
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  alarm_actions = var.alarm[*].topic_arn

  tags = var.tags
}
