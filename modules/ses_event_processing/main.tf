# Bounce of or complaint about an email → topic → queue → function → suppressed address.

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

  ses_arns = "arn:${data.aws_partition.current.partition}:ses:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}"

  # Sources of the feedback: SES publishes events for the configuration set, and notifications for an
  # identity.
  publishers = merge(
    var.configuration_set == null ? {} : {
      configuration-set = {
        service    = "ses.amazonaws.com"
        source_arn = "${local.ses_arns}:configuration-set/${var.configuration_set.name}"
      }
    },
    var.identities == null ? {} : {
      identities = {
        service    = "ses.amazonaws.com"
        source_arn = "${local.ses_arns}:identity/*"
      }
    },
  )

  topic_publishes = {
    topic = {
      service    = "sns.amazonaws.com"
      source_arn = module.topic.topic_arn
    }
  }
}

module "package" {
  source = "../internal/package"

  name     = var.name
  archives = ["ses_event_processing"]
  packages = var.packages

  operations = local.operations
}

resource "aws_sesv2_configuration_set" "this" {
  count = var.configuration_set == null ? 0 : var.configuration_set.create ? 1 : 0

  configuration_set_name = var.configuration_set.name

  tags = var.tags
}

# SES checks the topic when the destination is created: the output topic_arn waits for its policy.
resource "aws_sesv2_configuration_set_event_destination" "this" {
  count = var.configuration_set == null ? 0 : 1

  configuration_set_name = var.configuration_set.create ? aws_sesv2_configuration_set.this[0].configuration_set_name : var.configuration_set.name
  event_destination_name = var.name

  event_destination {
    enabled              = true
    matching_event_types = ["BOUNCE", "COMPLAINT"]

    sns_destination {
      topic_arn = module.topic.topic_arn
    }
  }
}

# Without kms_key the topic has its own KMS key: SES can use neither alias/aws/sns nor alias/aws/sqs.
module "topic" {
  source = "../internal/topic"

  name               = "${var.name}-feedback"
  service_publishers = local.publishers
  operations         = local.operations
}

resource "aws_sns_topic_subscription" "queue" {
  topic_arn = module.topic.topic_arn
  protocol  = "sqs"
  endpoint  = module.queue.queue_arn

  redrive_policy = jsonencode({ deadLetterTargetArn = module.undelivered.queue_arn })
}

module "queue" {
  source = "../internal/queue"

  name                       = "${var.name}-feedback"
  visibility_timeout_seconds = 180
  max_receive_count          = 10 # half an hour of a throttled SES
  publishers                 = merge(local.topic_publishes, local.rule_publishes)
  operations                 = local.operations
}

module "undelivered" {
  source = "../internal/dead_letter_queue"

  name       = "${var.name}-undelivered"
  publishers = merge(local.topic_publishes, local.rule_publishes)
  operations = local.operations
}

module "suppression" {
  source = "../internal/address_suppression"

  name              = var.name
  event_source      = "ses_event_processing"
  address_table     = var.address_table
  event_bus_name    = var.event_bus_name
  transient_bounces = var.transient_bounces
  operations        = local.operations
}

module "function" {
  source = "../internal/lambda_function"

  name            = "${var.name}-feedback"
  description     = "Suppresses addresses that bounced or complained."
  handler         = "ses_event_processing.functions.suppress.lambda_handler"
  package         = module.package.archives["ses_event_processing"]
  timeout_seconds = 30
  environment     = module.suppression.environment
  policies = {
    read-queue = data.aws_iam_policy_document.read_queue.json
    suppress   = module.suppression.policy_json
  }
  kms_actions = ["kms:Decrypt"]
  operations  = local.operations
}

data "aws_iam_policy_document" "read_queue" {
  statement {
    sid       = "ReadTheQueue"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    resources = [module.queue.queue_arn]
  }
}

resource "aws_lambda_event_source_mapping" "queue" {
  function_name           = module.function.function_arn
  event_source_arn        = module.queue.queue_arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]

  # Many bounces at a time wait in the queue, so that SES does not throttle the function.
  scaling_config {
    maximum_concurrency = 10
  }

  tags = var.tags
}
