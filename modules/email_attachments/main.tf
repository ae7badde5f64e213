# Campaign or journey → intake → queue → sender → SES, with each recipient's file of the bucket.

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

  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  region     = data.aws_region.current.id

  bucket_name = var.bucket == null ? module.bucket[0].bucket_name : var.bucket.name
  bucket_arn  = var.bucket == null ? module.bucket[0].bucket_arn : "arn:${local.partition}:s3:::${var.bucket.name}"
  bucket_key  = var.bucket == null ? null : var.bucket.kms_key

  sender_timeout_seconds = 120
  concurrency            = var.sender_concurrency == null ? min(1000, max(2, ceil(var.email.messages_per_second / 5))) : var.sender_concurrency

  # Both functions read configurations by the same rules.
  rules = merge(
    {
      FILES = jsonencode({
        prefix       = var.files.prefix
        type         = var.files.type
        largest_mb   = var.files.largest_mb
        link_seconds = var.files.link_seconds
      })
      PROJECT_ID = var.pinpoint.project_id
      SENDERS    = jsonencode(concat([var.email.from_address], [for sender in values(var.email.other_senders) : sender.from_address]))
    },
    var.unsubscribe == null ? {} : { UNSUBSCRIBE = jsonencode(var.unsubscribe) },
  )
}

module "package" {
  source = "../internal/package"

  name     = var.name
  archives = ["email_attachments"]
  packages = var.packages

  operations = local.operations
}

module "bucket" {
  source = "../internal/bucket"
  count  = var.bucket == null ? 1 : 0

  name            = "${var.name}-files"
  expiration_days = var.files.expiration_days == null ? {} : { "" = var.files.expiration_days }
  force_destroy   = var.force_destroy
  operations      = local.operations
}

module "intake_access" {
  source = "../internal/pinpoint_access"

  pinpoint       = var.pinpoint
  api_operations = ["GetEmailTemplate", "PutEvents"]
}

# A message that SES throttles goes back to the queue. With waits of up to 15 minutes 100 receives take
# a day, in which a daily quota is free again.
module "channel" {
  source = "../internal/campaign_channel"

  name          = var.name
  campaign_role = var.campaign_role
  pinpoint      = var.pinpoint
  function = {
    handler     = "email_attachments.functions.take_calls.lambda_handler"
    description = "Checks the configuration of campaigns and journeys, and queues their endpoints."
  }
  package     = module.package.archives["email_attachments"]
  environment = merge(module.intake_access.environment, local.rules)
  policies    = { pinpoint = module.intake_access.policy_json }
  queue = {
    visibility_timeout_seconds = 6 * local.sender_timeout_seconds
    max_receive_count          = 100
  }
  operations = local.operations
}

# Claims and outcomes of emails, and the shared schedule of sends.
resource "aws_dynamodb_table" "state" {
  #checkov:skip=CKV_AWS_119:DynamoDB encrypts with an AWS managed key; a customer managed one is used when kms_key is given.
  name         = "${var.name}-state"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "pk"
  range_key    = "sk"

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "S"
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = local.kms_key_arn
  }

  tags = var.tags
}

module "sender_access" {
  source = "../internal/pinpoint_access"

  pinpoint       = var.pinpoint
  api_operations = ["GetEmailTemplate", "GetEndpoint", "PutEvents"]
}

module "sender" {
  source = "../internal/lambda_function"

  name        = "${var.name}-sender"
  description = "Sends the email of each queued endpoint, with its file."
  handler     = "email_attachments.functions.send_emails.lambda_handler"
  package     = module.package.archives["email_attachments"]
  environment = merge(
    module.sender_access.environment,
    local.rules,
    {
      DEAD_LETTER_QUEUE_URL = module.channel.dead_letter_queue_url
      FILES_BUCKET          = local.bucket_name
      MESSAGES_PER_SECOND   = tostring(var.email.messages_per_second)
      QUEUE_URL             = module.channel.queue_url
      RECHECK_SECONDS       = tostring(var.recheck_seconds)
      STATE_TABLE           = aws_dynamodb_table.state.name
      TIMEOUT_SECONDS       = tostring(local.sender_timeout_seconds)
    },
    var.email.configuration_set == null ? {} : { CONFIGURATION_SET = var.email.configuration_set.name },
  )
  policies = {
    pinpoint = module.sender_access.policy_json
    send     = data.aws_iam_policy_document.send.json
  }
  kms_actions     = ["kms:Decrypt", "kms:GenerateDataKey"] # the queues, the table and the module's bucket
  timeout_seconds = local.sender_timeout_seconds
  memory_mb       = 1024 # a file of 28 MB is there as bytes, as base64 and in the request
  operations      = local.operations
}

resource "aws_lambda_event_source_mapping" "sender" {
  function_name    = module.sender.function_arn
  event_source_arn = module.channel.queue_arn

  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = local.concurrency
  }

  tags = var.tags

  # Lambda checks the permissions of the role when it creates the mapping.
  depends_on = [module.sender]
}

resource "aws_cloudwatch_metric_alarm" "waiting" {
  alarm_name        = "${var.name}-waiting"
  alarm_description = "Emails have waited for more than ${var.oldest_message_minutes} minutes: see the log group ${module.sender.log_group_name} for the reason."

  namespace   = "AWS/SQS"
  metric_name = "ApproximateAgeOfOldestMessage"
  dimensions  = { QueueName = module.channel.queue_name }
  statistic   = "Maximum"
  period      = 300

  comparison_operator = "GreaterThanThreshold"
  threshold           = var.oldest_message_minutes * 60
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  alarm_actions = var.alarm[*].topic_arn

  tags = var.tags
}
