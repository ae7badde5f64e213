# Events of text messages: from a project's event stream, as one more subscriber, or from the
# configuration set. Neither takes the place of another consumer.

locals {
  reader_timeout_seconds = 60

  # Failures, and arrivals, which cancel retries. End User Messaging has a type for each status.
  final_statuses = ["BLOCKED", "CARRIER_BLOCKED", "INVALID", "INVALID_MESSAGE", "PROTECT_BLOCKED", "SPAM"]
  sms_event_types = sort([
    for status in concat(local.final_statuses, ["CARRIER_UNREACHABLE", "DELIVERED", "SUCCESSFUL", "TTL_EXPIRED", "UNKNOWN", "UNREACHABLE"]) : "TEXT_${status}"
  ])
}

module "stream" {
  count = local.has_stream ? 1 : 0

  source = "../internal/stream_subscriber"

  name         = var.name
  event_stream = var.event_stream
  event_types  = ["_SMS.FAILURE", "_SMS.SUCCESS"]
  function = {
    handler         = "sms_retry.functions.read_stream.lambda_handler"
    description     = "Decides about retries of text messages by the events of a project."
    timeout_seconds = local.reader_timeout_seconds
  }
  package     = module.package.archives["sms_retry"]
  environment = local.environment
  policies = {
    end-chains = data.aws_iam_policy_document.end_chains.json
    schedule   = data.aws_iam_policy_document.schedule.json
  }
  batches    = { size = 500, parallelization_factor = 2 } # the order does not matter
  late       = { work = "Retries of text messages are decided" }
  operations = local.operations
}

module "sms_topic" {
  count = local.has_stream ? 0 : 1

  source = "../internal/topic"

  name = "${var.name}-sms-events"
  service_publishers = {
    configuration-set = { service = "sms-voice.amazonaws.com", source_arn = local.configuration_set_arn }
  }
  operations = local.operations
}

resource "aws_sns_topic_subscription" "events" {
  count = local.has_stream ? 0 : 1

  topic_arn = module.sms_topic[0].topic_arn
  protocol  = "sqs"
  endpoint  = module.events[0].queue_arn

  redrive_policy = jsonencode({ deadLetterTargetArn = module.undelivered[0].queue_arn })
}

module "events" {
  count = local.has_stream ? 0 : 1

  source = "../internal/queue"

  name                       = "${var.name}-events"
  visibility_timeout_seconds = 6 * local.reader_timeout_seconds
  publishers                 = { topic = { service = "sns.amazonaws.com", source_arn = module.sms_topic[0].topic_arn } }
  operations                 = local.operations
}

module "undelivered" {
  count = local.has_stream ? 0 : 1

  source = "../internal/dead_letter_queue"

  name       = "${var.name}-undelivered"
  publishers = { topic = { service = "sns.amazonaws.com", source_arn = module.sms_topic[0].topic_arn } }
  operations = local.operations
}

module "reader" {
  count = local.has_stream ? 0 : 1

  source = "../internal/lambda_function"

  name            = "${var.name}-events"
  description     = "Decides about retries of text messages by the events of a configuration set."
  handler         = "sms_retry.functions.read_topic.lambda_handler"
  package         = module.package.archives["sms_retry"]
  timeout_seconds = local.reader_timeout_seconds
  environment     = local.environment
  policies = {
    end-chains = data.aws_iam_policy_document.end_chains.json
    read-queue = data.aws_iam_policy_document.read_events[0].json
    schedule   = data.aws_iam_policy_document.schedule.json
  }
  kms_actions = ["kms:Decrypt", "kms:GenerateDataKey"] # the tables, the queues and the topic
  operations  = local.operations
}

resource "aws_lambda_event_source_mapping" "events" {
  count = local.has_stream ? 0 : 1

  function_name    = module.reader[0].function_arn
  event_source_arn = module.events[0].queue_arn

  batch_size                         = 100
  maximum_batching_window_in_seconds = 1
  function_response_types            = ["ReportBatchItemFailures"]

  tags = var.tags

  # Lambda checks the permissions of the role when it creates the mapping.
  depends_on = [module.reader]
}

# The configuration set may have other event destinations, five in all.
module "event_destination" {
  count = local.has_stream ? 0 : 1

  source = "../pinpoint_resources"

  name     = var.name
  packages = module.package.packages["pinpoint_resources"]

  sms_event_destinations = {
    events = jsonencode({
      ConfigurationSetName = var.configuration_set.name
      EventDestinationName = var.name
      MatchingEventTypes   = local.sms_event_types
      SnsDestination       = { TopicArn = module.sms_topic[0].topic_arn }
    })
  }

  alarm              = var.alarm
  kms_key            = var.kms_key
  log_retention_days = var.log_retention_days
  tags               = var.tags
}
