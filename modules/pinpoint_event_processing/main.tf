# A bounce or complaint comes into the event stream → function → the address gets no more.

locals {
  package_path = coalesce(var.package_path, "${path.module}/../../dist/pinpoint_event_processing.zip")

  # Everything else in the stream is left to its other subscribers, and costs no invocation.
  event_types = ["_email.hardbounce", "_email.softbounce", "_email.complaint"]
}

module "suppression" {
  source = "../internal/address_suppression"

  name              = var.name
  event_source      = "pinpoint_event_processing"
  address_table     = var.address_table
  event_bus_name    = var.event_bus_name
  transient_bounces = var.transient_bounces
  kms_key_arn       = var.kms_key_arn
  tags              = var.tags
}

# Records that no retry can help, which the function sends with their data, and notes of the mapping
# on records that it gave up, which say where in the stream they are.
module "dead_letter" {
  source = "../internal/dead_letter_queue"

  name        = "${var.name}-events"
  alarm       = var.alarm
  kms_key_arn = var.kms_key_arn
  tags        = var.tags
}

module "function" {
  source = "../internal/lambda_function"

  name            = "${var.name}-events"
  description     = "Suppresses addresses that bounced or complained."
  handler         = "pinpoint_event_processing.functions.suppress.lambda_handler"
  package_path    = local.package_path
  timeout_seconds = 60
  environment = merge(module.suppression.environment, {
    DEAD_LETTER_QUEUE_URL = module.dead_letter.queue_url
  })
  policies = {
    keep-failures = data.aws_iam_policy_document.keep_failures.json
    read-stream   = data.aws_iam_policy_document.read_stream.json
    suppress      = module.suppression.policy_json
  }
  kms_actions        = ["kms:Decrypt", "kms:GenerateDataKey"] # the dead-letter queue
  alarm              = var.alarm
  kms_key_arn        = var.kms_key_arn
  log_retention_days = var.log_retention_days
  tags               = var.tags
}

data "aws_iam_policy_document" "read_stream" {
  # Lambda Developer Guide, "Processing records with Amazon Kinesis": what the mapping calls.
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
    for_each = var.event_stream.kms_key_arn[*]

    content {
      sid       = "DecryptTheEventStream"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]
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

  # From the oldest event that the stream still has: what came in before the module did counts too.
  starting_position                  = "TRIM_HORIZON"
  batch_size                         = 100
  maximum_batching_window_in_seconds = 1
  parallelization_factor             = 4 # the order does not matter, and SES's answers take their time

  function_response_types        = ["ReportBatchItemFailures"]
  bisect_batch_on_function_error = true
  maximum_retry_attempts         = 50

  # A stream keeps events for a day at least, so that records given up can still be put back.
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

# The alarms of the function do not see it: a batch that is given back is no error.
resource "aws_cloudwatch_metric_alarm" "late" {
  alarm_name        = "${var.name}-late"
  alarm_description = "Bounces and complaints of the last minutes are not processed yet: see the log group ${module.function.log_group_name} for what fails."

  namespace   = "AWS/Lambda"
  metric_name = "IteratorAge"
  dimensions  = { FunctionName = module.function.function_name }
  statistic   = "Maximum"
  period      = 60

  comparison_operator = "GreaterThanThreshold"
  threshold           = 300000 # milliseconds
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  alarm_actions = var.alarm == null ? [] : [var.alarm.topic_arn]

  tags = var.tags
}
