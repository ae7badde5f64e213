# Delivery events: SES and End User Messaging SMS publish them to topics, and the function writes
# them to the project's event stream in Pinpoint's format.
locals {
  sms_configuration_set   = var.sms == null ? null : var.sms.configuration_set
  email_configuration_set = var.email == null ? null : var.email.configuration_set

  delivery_topics = merge(
    local.sms_configuration_set == null ? {} : { sms = module.sms_events[0].topic_arn },
    length(local.email_configuration_sets) == 0 ? {} : { email = module.email_events[0].topic_arn },
  )
}

module "sms_events" {
  source = "../internal/topic"
  count  = local.sms_configuration_set == null ? 0 : 1

  name = "${var.name}-sms-events"
  service_publishers = {
    sms = {
      service    = "sms-voice.amazonaws.com"
      source_arn = "arn:${local.partition}:sms-voice:${local.region}:${local.account_id}:configuration-set/${local.sms_configuration_set.name}"
    }
  }
  operations = local.operations
}

module "email_events" {
  source = "../internal/topic"
  count  = length(local.email_configuration_sets) == 0 ? 0 : 1

  name = "${var.name}-email-events"
  service_publishers = {
    for key, name in local.email_configuration_sets : key => {
      service    = "ses.amazonaws.com"
      source_arn = "arn:${local.partition}:ses:${local.region}:${local.account_id}:configuration-set/${name}"
    }
  }
  operations = local.operations
}

resource "aws_sesv2_configuration_set_event_destination" "this" {
  for_each = local.email_configuration_sets

  configuration_set_name = each.value
  event_destination_name = "${var.name}-delivery"

  event_destination {
    enabled = true
    matching_event_types = [
      "BOUNCE", "CLICK", "COMPLAINT", "DELIVERY", "DELIVERY_DELAY", "OPEN", "REJECT",
      "RENDERING_FAILURE", "SEND", "SUBSCRIPTION",
    ]

    sns_destination {
      topic_arn = module.email_events[0].topic_arn
    }
  }
}

moved {
  from = aws_sesv2_configuration_set_event_destination.this[0]
  to   = aws_sesv2_configuration_set_event_destination.this["default"]
}

module "delivery_dead_letter" {
  source = "../internal/dead_letter_queue"

  name = "${var.name}-delivery-events"
  publishers = {
    for channel in keys(local.delivery_topics) : channel => {
      service    = "sns.amazonaws.com"
      source_arn = "arn:${local.partition}:sns:${local.region}:${local.account_id}:${var.name}-${channel}-events"
    }
  }
  operations = local.operations
}

module "delivery_function" {
  source = "../internal/lambda_function"

  name        = "${var.name}-delivery-events"
  description = "Writes delivery events of SES and End User Messaging SMS to the projects' event streams."
  handler     = "engagement_hub.functions.publish_events.lambda_handler"
  role_path   = local.role_path
  package     = module.package.archives["engagement_hub"]
  environment = local.environment
  policies = {
    entities = data.aws_iam_policy_document.read_entities.json
    roles    = data.aws_iam_policy_document.customer_roles.json
  }
  kms_actions     = ["kms:Decrypt", "kms:DescribeKey"]
  timeout_seconds = 60
  on_failure      = { queue_arn = module.delivery_dead_letter.queue_arn }

  invokers = {
    for channel in keys(local.delivery_topics) : channel => {
      service    = "sns.amazonaws.com"
      source_arn = local.delivery_topics[channel]
    }
  }
  operations = local.operations
}

resource "aws_sns_topic_subscription" "delivery" {
  for_each = local.delivery_topics

  topic_arn      = each.value
  protocol       = "lambda"
  endpoint       = module.delivery_function.function_arn
  redrive_policy = jsonencode({ deadLetterTargetArn = module.delivery_dead_letter.queue_arn })
}
