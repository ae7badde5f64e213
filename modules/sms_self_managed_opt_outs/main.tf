# A person writes to a two-way number → topic → queue → function: records the message, marks
# endpoints, answers, updates opt-out lists, and tells other systems.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  operations = {
    alarm              = var.alarm
    kms_key            = var.kms_key
    log_retention_days = var.log_retention_days
    tags               = var.tags
  }
  kms_key_arn = one(var.kms_key[*].arn)

  sms_voice_arn = "arn:${data.aws_partition.current.partition}:sms-voice:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}"

  # Category => the name of its opt-out list.
  created_lists = [for category, settings in var.categories : category if settings.opt_out_list == null]
  opt_out_lists = {
    for category, settings in var.categories : category =>
    settings.opt_out_list == null ? aws_pinpointsmsvoicev2_opt_out_list.this[category].name : settings.opt_out_list.name
  }

  table = var.preferences_table == null ? {
    name    = aws_dynamodb_table.preferences[0].name
    arn     = aws_dynamodb_table.preferences[0].arn
    kms_key = var.kms_key
  } : var.preferences_table

  managed_numbers = { for key, number in var.phone_numbers : key => number if number.manage }

  # Keywords are too large for environment variables, which Lambda limits to 4 KB. The id names the
  # content, so that changed settings change the function and take effect in new execution
  # environments.
  settings = jsonencode({
    categories    = keys(var.categories)
    endpoints     = var.endpoints
    events        = var.events == null ? null : { bus = var.events.bus_name, include_number = var.events.include_number }
    keywords      = var.keywords
    language      = var.language
    opt_out_lists = local.opt_out_lists
  })
  settings_id = "settings#${sha256(local.settings)}"
}

module "package" {
  source = "../internal/package"

  name     = var.name
  archives = ["pinpoint_resources", "sms_self_managed_opt_outs"]
  packages = var.packages

  operations = local.operations
}

module "access" {
  source = "../internal/pinpoint_access"

  pinpoint       = var.pinpoint
  api_operations = ["GetEndpoint", "GetUserEndpoints", "UpdateEndpoint"]
}

# Numbers on a list get no message from the origination identities that the list is attached to.
resource "aws_pinpointsmsvoicev2_opt_out_list" "this" {
  for_each = toset(local.created_lists)

  name = "${var.name}-${each.key}"

  tags = var.tags
}

# Two-way SMS publishes to the topic: End User Messaging SMS User Guide, "Topic policies for Amazon SNS
# topics", also for the pattern of the source.
module "topic" {
  source = "../internal/topic"

  name = "${var.name}-inbound"
  service_publishers = {
    two-way-sms = { service = "sms-voice.amazonaws.com", source_arn = "${local.sms_voice_arn}:*" }
  }
  operations = local.operations
}

# UpdatePhoneNumber: two-way SMS, self-managed opt-outs and the opt-out list.
module "numbers" {
  source = "../pinpoint_resources"

  count = length(local.managed_numbers) == 0 ? 0 : 1

  name     = var.name
  packages = module.package.packages["pinpoint_resources"]
  sms_phone_numbers = {
    for key, number in local.managed_numbers : key => jsonencode(merge(
      {
        PhoneNumberId             = number.arn
        SelfManagedOptOutsEnabled = true
        TwoWayChannelArn          = module.topic.topic_arn
        TwoWayEnabled             = true
      },
      number.category == null ? {} : { OptOutListName = local.opt_out_lists[number.category] },
    ))
  }

  alarm              = var.alarm
  kms_key            = var.kms_key
  log_retention_days = var.log_retention_days
  tags               = var.tags

  # A message that arrives before its reader waits in the queue.
  depends_on = [aws_sns_topic_subscription.queue]
}

resource "aws_sns_topic_subscription" "queue" {
  topic_arn = module.topic.topic_arn
  protocol  = "sqs"
  endpoint  = module.queue.queue_arn

  redrive_policy = jsonencode({ deadLetterTargetArn = module.undelivered.queue_arn })
}

module "queue" {
  source = "../internal/queue"

  name                       = "${var.name}-inbound"
  visibility_timeout_seconds = 360
  max_receive_count          = 8 # three quarters of an hour of an unavailable project
  publishers                 = merge(local.topic_publishes, local.rule_publishes)
  operations                 = local.operations
}

module "undelivered" {
  source = "../internal/dead_letter_queue"

  name       = "${var.name}-undelivered"
  publishers = merge(local.topic_publishes, local.rule_publishes)
  operations = local.operations
}

locals {
  topic_publishes = { topic = { service = "sns.amazonaws.com", source_arn = module.topic.topic_arn } }
  rule_publishes  = { rule = { service = "events.amazonaws.com", source_arn = aws_cloudwatch_event_rule.kept_numbers.arn } }
}

module "function" {
  source = "../internal/lambda_function"

  name            = "${var.name}-inbound"
  description     = "Records opt-outs and opt-ins by SMS, carries them out and answers."
  handler         = "sms_self_managed_opt_outs.functions.handle_message.lambda_handler"
  package         = module.package.archives["sms_self_managed_opt_outs"]
  timeout_seconds = 60
  environment = merge(module.access.environment, {
    INDEX_TABLE       = aws_dynamodb_table.index.name
    PREFERENCES_TABLE = local.table.name
    PROJECT_ID        = var.pinpoint.project_id
    SETTINGS_ID       = jsondecode(aws_dynamodb_table_item.settings.item).pk.S
  })
  policies = {
    inbound  = data.aws_iam_policy_document.inbound.json
    pinpoint = module.access.policy_json
  }
  kms_actions = ["kms:Decrypt", "kms:GenerateDataKey"] # the queue and the tables
  operations  = local.operations
}

resource "aws_lambda_event_source_mapping" "queue" {
  function_name           = module.function.function_arn
  event_source_arn        = module.queue.queue_arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]

  # Many messages at a time wait in the queue, so that the services do not throttle the function.
  scaling_config {
    maximum_concurrency = 10
  }

  tags = var.tags
}

# A number can be deleted from an opt-out list once in 30 days. Numbers that opted in since are
# tried again every day.
resource "aws_cloudwatch_event_rule" "kept_numbers" {
  name                = "${var.name}-kept-numbers"
  description         = "Tries to take numbers that opted in off the opt-out lists that kept them."
  schedule_expression = "rate(1 day)"

  tags = var.tags
}

resource "aws_cloudwatch_event_target" "kept_numbers" {
  rule  = aws_cloudwatch_event_rule.kept_numbers.name
  arn   = module.queue.queue_arn
  input = jsonencode({ sms_self_managed_opt_outs = { try = "kept_numbers" } })

  dead_letter_config {
    arn = module.undelivered.queue_arn
  }
}

# The events of text messages show which endpoint has which number.
module "subscriber" {
  source = "../internal/stream_subscriber"

  count = var.event_stream == null ? 0 : 1

  name         = "${var.name}-numbers"
  event_stream = var.event_stream
  event_types  = ["_SMS.BUFFERED", "_SMS.FAILURE", "_SMS.OPTOUT", "_SMS.SUCCESS", "_campaign.send", "_journey.send"]
  package      = module.package.archives["sms_self_managed_opt_outs"]
  function = {
    handler     = "sms_self_managed_opt_outs.functions.learn_endpoints.lambda_handler"
    description = "Learns which endpoints have which number."
  }
  environment = {
    INDEX_TABLE       = aws_dynamodb_table.index.name
    PREFERENCES_TABLE = local.table.name
    QUEUE_URL         = module.queue.queue_url
  }
  policies   = { learn = data.aws_iam_policy_document.learn.json }
  late       = { work = "Endpoints are learned" }
  operations = local.operations
}
