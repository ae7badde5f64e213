# Event stream → queue → archive: each message that a campaign or journey sent becomes a MIME file,
# and a row of the index that Athena reads.

locals {
  operations = {
    alarm              = var.alarm
    kms_key            = var.kms_key
    log_retention_days = var.log_retention_days
    tags               = var.tags
  }

  archive_prefix = "archive/"
  index_prefix   = "index/"

  archiver_timeout_seconds = 120
}

module "package" {
  source = "../internal/package"

  name     = var.name
  archives = ["message_archiver"]
  packages = var.packages

  operations = local.operations
}

module "sends" {
  source = "../internal/stream_subscriber"

  name         = var.name
  event_stream = var.event_stream
  event_types  = ["_campaign.send", "_journey.send"]
  function = {
    handler     = "message_archiver.functions.queue.lambda_handler"
    description = "Queues the sends of campaigns and journeys for the archive."
  }
  package     = module.package.archives["message_archiver"]
  environment = { QUEUE_URL = module.queue.queue_url }
  policies    = { queue = data.aws_iam_policy_document.queue.json }
  batches     = { size = 500, parallelization_factor = 4 } # the order does not matter
  late        = { work = "Sends are queued for the archive" }
  operations  = local.operations
}

module "queue" {
  source = "../internal/queue"

  name                       = "${var.name}-messages"
  visibility_timeout_seconds = 6 * local.archiver_timeout_seconds
  operations                 = local.operations
}

module "access" {
  source = "../internal/pinpoint_access"

  pinpoint = var.pinpoint
  api_operations = [
    "GetCampaign",
    "GetCampaignVersion",
    "GetCampaignVersions",
    "GetEmailChannel",
    "GetEmailTemplate",
    "GetJourney",
    "GetPushTemplate",
    "GetSmsTemplate",
    "GetVoiceTemplate",
    "ListTemplateVersions",
  ]
}

module "archiver" {
  source = "../internal/lambda_function"

  name            = "${var.name}-archiver"
  description     = "Renders sent messages again and writes them to the archive."
  handler         = "message_archiver.functions.archive.lambda_handler"
  package         = module.package.archives["message_archiver"]
  timeout_seconds = local.archiver_timeout_seconds
  memory_mb       = 1024
  environment = merge(
    module.access.environment,
    {
      ADDRESSES             = var.addresses
      ARCHIVE_BUCKET        = module.archive_bucket.bucket_name
      DEAD_LETTER_QUEUE_URL = module.queue.dead_letter_queue_url
      INDEX_BUCKET          = module.index_bucket.bucket_name
    },
    var.default_from_address == null ? {} : { DEFAULT_FROM_ADDRESS = var.default_from_address },
  )
  policies = {
    archive  = data.aws_iam_policy_document.archive.json
    pinpoint = module.access.policy_json
  }
  kms_actions = ["kms:Decrypt", "kms:GenerateDataKey"] # the queues and the buckets
  operations  = local.operations
}

resource "aws_lambda_event_source_mapping" "messages" {
  function_name    = module.archiver.function_arn
  event_source_arn = module.queue.queue_arn

  # A batch becomes one file of the index for each hour.
  batch_size                         = 500
  maximum_batching_window_in_seconds = var.batch_window_seconds
  function_response_types            = ["ReportBatchItemFailures"]

  # The functions of a hub have the same pool of concurrency, and its API answers the lookups.
  scaling_config {
    maximum_concurrency = var.concurrency
  }

  tags = var.tags

  # Lambda checks the permissions of the role when it creates the mapping.
  depends_on = [module.archiver]
}

module "archive_bucket" {
  source = "../internal/bucket"

  name            = "${var.name}-archive"
  expiration_days = var.retention_days == null ? {} : { (local.archive_prefix) = var.retention_days }
  object_lock     = var.object_lock
  transitions = var.glacier == null ? {} : { (local.archive_prefix) = {
    after_days        = var.glacier.after_days
    storage_class     = var.glacier.storage_class
    larger_than_bytes = var.glacier.larger_than_kb * 1024
  } }
  force_destroy = var.force_destroy
  operations    = local.operations
}

module "index_bucket" {
  source = "../internal/bucket"

  name            = "${var.name}-index"
  expiration_days = var.retention_days == null ? {} : { (local.index_prefix) = var.retention_days }
  force_destroy   = var.force_destroy
  operations      = local.operations
}

resource "aws_cloudwatch_metric_alarm" "waiting" {
  alarm_name        = "${var.name}-waiting"
  alarm_description = "Messages have waited for the archive for more than 30 minutes: see the log group ${module.archiver.log_group_name} for the failures."

  namespace   = "AWS/SQS"
  metric_name = "ApproximateAgeOfOldestMessage"
  dimensions  = { QueueName = module.queue.queue_name }
  statistic   = "Maximum"
  period      = 300

  comparison_operator = "GreaterThanThreshold"
  threshold           = 1800
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  alarm_actions = var.alarm[*].topic_arn

  tags = var.tags
}
