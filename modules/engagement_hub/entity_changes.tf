# Entity-change events: the stream of the entities table has every change of a campaign, journey or
# segment, by whichever function. A function announces the changes on an event bus.
locals {
  entity_event_source      = "engagement_hub"
  entity_event_detail_type = "Entity Changed"

  entity_event_bus_arn = var.entity_events == null ? null : "arn:${local.partition}:events:${local.region}:${local.account_id}:event-bus/${var.entity_events.event_bus_name}"
}

# Changes whose attempts are used up, as positions in the stream.
module "entity_events_dead_letter" {
  source = "../internal/dead_letter_queue"
  count  = var.entity_events == null ? 0 : 1

  name       = "${var.name}-entity-events"
  operations = local.operations
}

module "entity_events_function" {
  source = "../internal/lambda_function"
  count  = var.entity_events == null ? 0 : 1

  name            = "${var.name}-entity-events"
  description     = "Announces changes of campaigns, journeys and segments on an event bus."
  handler         = "engagement_hub.functions.announce_changes.lambda_handler"
  role_path       = local.role_path
  package         = module.package.archives["engagement_hub"]
  environment     = { EVENT_BUS_NAME = var.entity_events.event_bus_name }
  policies        = { announce = data.aws_iam_policy_document.announce_changes[0].json }
  kms_actions     = ["kms:Decrypt", "kms:GenerateDataKey"] # the table's stream and the dead-letter queue
  timeout_seconds = 60
  operations      = local.operations
}

data "aws_iam_policy_document" "announce_changes" {
  count = var.entity_events == null ? 0 : 1

  # Lambda Developer Guide, "Using AWS Lambda with Amazon DynamoDB": permissions of the mapping.
  statement {
    sid       = "ReadChangesOfEntities"
    actions   = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
    resources = [aws_dynamodb_table.this["entities"].stream_arn]
  }

  statement {
    sid     = "FindTheStream"
    actions = ["dynamodb:ListStreams"]

    # Service Authorization Reference, "Actions, resources, and condition keys for Amazon DynamoDB":
    # ListStreams supports no resource-level permissions.
    resources = ["*"]
  }

  statement {
    sid       = "AnnounceChanges"
    actions   = ["events:PutEvents"]
    resources = [local.entity_event_bus_arn]

    condition {
      test     = "ForAllValues:StringEquals" # a call has many entries, each with a source
      variable = "events:source"
      values   = [local.entity_event_source]
    }
  }

  statement {
    sid       = "KeepFailedChanges"
    actions   = ["sqs:SendMessage"]
    resources = [module.entity_events_dead_letter[0].queue_arn]
  }
}

resource "aws_lambda_event_source_mapping" "entity_events" {
  count = var.entity_events == null ? 0 : 1

  function_name    = module.entity_events_function[0].function_arn
  event_source_arn = aws_dynamodb_table.this["entities"].stream_arn

  starting_position                  = "TRIM_HORIZON"
  batch_size                         = 100
  maximum_batching_window_in_seconds = 1

  function_response_types        = ["ReportBatchItemFailures"]
  bisect_batch_on_function_error = true

  # The stream keeps a change for 24 hours. Until shortly before that the function tries again.
  maximum_retry_attempts        = -1
  maximum_record_age_in_seconds = 82800

  # Items of other kinds have no summary and cause no invocation.
  filter_criteria {
    dynamic "filter" {
      for_each = ["NewImage", "OldImage"]

      content {
        pattern = jsonencode({ dynamodb = { (filter.value) = { summary = { S = [{ exists = true }] } } } })
      }
    }
  }

  destination_config {
    on_failure {
      destination_arn = module.entity_events_dead_letter[0].queue_arn
    }
  }

  tags = var.tags
}

# The alarms of the function do not report delays: a batch that the function returns is no error.
resource "aws_cloudwatch_metric_alarm" "entity_events_late" {
  count = var.entity_events == null ? 0 : 1

  alarm_name        = "${var.name}-entity-events-late"
  alarm_description = "Changes of campaigns, journeys and segments are announced more than 15 minutes late, and are given up after 23 hours: see the log group ${module.entity_events_function[0].log_group_name} for the failures."

  namespace   = "AWS/Lambda"
  metric_name = "IteratorAge"
  dimensions  = { FunctionName = module.entity_events_function[0].function_name }
  statistic   = "Maximum"
  period      = 60

  comparison_operator = "GreaterThanThreshold"
  threshold           = 900000 # milliseconds
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  alarm_actions = var.alarm[*].topic_arn

  tags = var.tags
}
