# Messages on a queue → sender, paced by the account's own rate → SES. A message that cannot be sent
# ends in the dead-letter queue, a message that may have been sent is parked, and every other message
# stays on the queue until it is sent.

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

  metadata_table     = var.metadata_table == null ? aws_dynamodb_table.metadata[0].name : var.metadata_table.name
  metadata_table_arn = var.metadata_table == null ? aws_dynamodb_table.metadata[0].arn : var.metadata_table.arn
  metadata_key       = var.metadata_table == null ? var.kms_key : var.metadata_table.kms_key

  sender_timeout_seconds = 90

  # Built, because the sender invokes the function that turns the sender's own mapping off.
  quota_watch_name = "${var.name}-quota-watch"
  quota_watch_arn  = "arn:${local.partition}:lambda:${local.region}:${local.account_id}:function:${local.quota_watch_name}"
}

module "package" {
  source = "../internal/package"

  name     = var.name
  archives = ["ses_load_testing"]
  packages = var.packages

  operations = local.operations
}

# A throttled message is redelivered with a higher receive count. With doubling waits of up to 15
# minutes 1,000 receives take more than a week, so that only a message on which the function itself
# fails repeatedly reaches the limit. A message that SES refuses permanently is moved to the
# dead-letter queue immediately.
module "queue" {
  source = "../internal/queue"

  name                       = "${var.name}-messages"
  visibility_timeout_seconds = 6 * local.sender_timeout_seconds
  max_receive_count          = 1000
  operations                 = local.operations
}

# Emails that may have been sent. A person decides about each message; no function sends it again.
resource "aws_sqs_queue" "parked" {
  name                      = "${var.name}-parked"
  message_retention_seconds = 1209600

  sqs_managed_sse_enabled = var.kms_key == null ? true : null
  kms_master_key_id       = local.kms_key_arn

  # Inline: a separate aws_sqs_queue_policy waits half a minute for the change to propagate.
  policy = module.parked_policy.policy_json

  tags = var.tags
}

module "parked_policy" {
  source = "../internal/publisher_policy"

  service    = "sqs"
  name       = "${var.name}-parked"
  publishers = {}
}

# Claims and outcomes of messages, the shared schedule of sends, and the reason of a stop.
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

resource "aws_dynamodb_table" "metadata" {
  #checkov:skip=CKV_AWS_119:DynamoDB encrypts with an AWS managed key; a customer managed one is used when kms_key is given.
  count = var.metadata_table == null ? 1 : 0

  name         = "${var.name}-users"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "user_id"

  attribute {
    name = "user_id"
    type = "S"
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

module "sender" {
  source = "../internal/lambda_function"

  name        = "${var.name}-sender"
  description = "Sends the queue's messages at the account's rate."
  handler     = "ses_load_testing.functions.send_messages.lambda_handler"
  package     = module.package.archives["ses_load_testing"]
  environment = {
    DEAD_LETTER_QUEUE_URL = module.queue.dead_letter_queue_url
    IDEMPOTENCY_DAYS      = tostring(var.idempotency_days)
    METADATA_TABLE        = local.metadata_table
    PARKED_QUEUE_URL      = aws_sqs_queue.parked.url
    QUEUE_URL             = module.queue.queue_url
    STATE_TABLE           = aws_dynamodb_table.state.name
    TIMEOUT_SECONDS       = tostring(local.sender_timeout_seconds)
    VALVE_FUNCTION        = local.quota_watch_name
  }
  policies        = { send = data.aws_iam_policy_document.sender.json }
  kms_actions     = ["kms:Decrypt", "kms:GenerateDataKey"]
  timeout_seconds = local.sender_timeout_seconds
  memory_mb       = var.sender.memory_mb
  operations      = local.operations
}

resource "aws_lambda_event_source_mapping" "sender" {
  function_name                      = module.sender.function_arn
  event_source_arn                   = module.queue.queue_arn
  batch_size                         = 100
  maximum_batching_window_in_seconds = 1
  function_response_types            = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = var.sender.maximum_concurrency
  }

  tags = var.tags

  lifecycle {
    # The quota watch disables the mapping at the 24-hour quota, and enables it again.
    ignore_changes = [enabled]
  }
}

module "quota_watch" {
  source = "../internal/lambda_function"

  name        = local.quota_watch_name
  description = "Stops deliveries when SES accepts no more email, and starts them when it accepts email again."
  handler     = "ses_load_testing.functions.watch_quota.lambda_handler"
  package     = module.package.archives["ses_load_testing"]
  environment = {
    MAPPING_ID  = aws_lambda_event_source_mapping.sender.uuid
    STATE_TABLE = aws_dynamodb_table.state.name
  }
  policies   = { watch = data.aws_iam_policy_document.quota_watch.json }
  on_failure = { queue_arn = module.missed_looks.queue_arn }
  operations = local.operations
}

resource "aws_scheduler_schedule" "quota_watch" {
  #checkov:skip=CKV_AWS_297:The schedule holds no data; a customer managed key is used when kms_key is given.
  name                = local.quota_watch_name
  description         = "Checks whether stopped deliveries may start again."
  schedule_expression = "rate(5 minutes)"
  kms_key_arn         = local.kms_key_arn

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = module.quota_watch.function_arn
    role_arn = module.schedule_role.role_arn
    input    = jsonencode({})

    dead_letter_config {
      arn = module.missed_looks.queue_arn
    }

    retry_policy {
      maximum_event_age_in_seconds = 300 # the next run is due by then
      maximum_retry_attempts       = 2
    }
  }
}

module "missed_looks" {
  source = "../internal/dead_letter_queue"

  name       = local.quota_watch_name
  operations = local.operations
}
