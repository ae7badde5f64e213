# Failure of a text message → decision → delayed queue → the same text once more, with the same sender.

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

  has_stream  = var.event_stream != null
  has_project = var.pinpoint != null

  sms_arns              = "arn:${data.aws_partition.current.partition}:sms-voice:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}"
  configuration_set_arn = "${local.sms_arns}:configuration-set/${var.configuration_set.name}"

  sender_timeout_seconds = 120

  # The settings that both functions have. A text message is known by its project, or by its sender.
  environment = merge(
    {
      CHAINS_TABLE = aws_dynamodb_table.this["chains"].name
      POLICY       = jsonencode(var.retry)
      QUEUE_URL    = module.retries.queue_url
      TEXTS_TABLE  = aws_dynamodb_table.this["texts"].name
      TOPIC_ARN    = module.topic.topic_arn
    },
    local.has_project ? { PROJECT_ID = var.pinpoint.project_id } : {},
  )
}

module "package" {
  source = "../internal/package"

  name     = var.name
  archives = local.has_stream ? ["sms_retry"] : ["pinpoint_resources", "sms_retry"]
  packages = var.packages

  operations = local.operations
}

# Two tables, so that a person who may read the states of retries can read no text.
resource "aws_dynamodb_table" "this" {
  #checkov:skip=CKV_AWS_28:States and texts expire within days; a restored text would be sent too late.
  #checkov:skip=CKV_AWS_119:DynamoDB encrypts with its own key; a customer managed one is used when kms_key is given.
  for_each = toset(["chains", "texts"])

  name         = "${var.name}-${each.key}"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "pk"

  attribute {
    name = "pk"
    type = "S"
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = local.kms_key_arn
  }

  tags = var.tags
}

# Retries wait here: SQS delays a message by 15 minutes at most, and the sender queues a retry again
# that is due later.
module "retries" {
  source = "../internal/queue"

  name                       = "${var.name}-retries"
  visibility_timeout_seconds = 6 * local.sender_timeout_seconds
  operations                 = local.operations
}

module "topic" {
  source = "../internal/topic"

  name          = "${var.name}-final-failures"
  subscriptions = var.subscriptions
  operations    = local.operations
}

module "access" {
  count = local.has_project ? 1 : 0

  source = "../internal/pinpoint_access"

  pinpoint = var.pinpoint
  api_operations = [
    "GetApplicationSettings",
    "GetCampaign",
    "GetCampaignVersions",
    "GetEndpoint",
    "GetJourney",
    "GetSmsTemplate",
    "ListTemplateVersions",
  ]
}

module "sender" {
  source = "../internal/lambda_function"

  name            = "${var.name}-sender"
  description     = "Sends text messages again that failed for a while."
  handler         = "sms_retry.functions.send.lambda_handler"
  package         = module.package.archives["sms_retry"]
  timeout_seconds = local.sender_timeout_seconds
  memory_mb       = 512
  environment = merge(
    local.environment,
    { CONFIGURATION_SET = var.configuration_set.name },
    local.has_project ? module.access[0].environment : {},
  )
  policies = merge(
    {
      end-chains = data.aws_iam_policy_document.end_chains.json
      send       = data.aws_iam_policy_document.send.json
    },
    local.has_project ? { pinpoint = module.access[0].policy_json } : {},
  )
  kms_actions = ["kms:Decrypt", "kms:GenerateDataKey"] # the tables, the queue and the topic
  # A wait of a day is a chain of 96 messages.
  recursive_loop_allowed = true
  operations             = local.operations
}

resource "aws_lambda_event_source_mapping" "retries" {
  function_name    = module.sender.function_arn
  event_source_arn = module.retries.queue_arn

  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = var.concurrency
  }

  tags = var.tags

  # Lambda checks the permissions of the role when it creates the mapping.
  depends_on = [module.sender]
}
