# Successful import → validation of its segment → campaign to the valid numbers.
# Each arrow: topic → filtered subscription → queue → function → one execution per correlation id.

locals {
  operations = {
    alarm              = var.alarm
    kms_key            = var.kms_key
    log_retention_days = var.log_retention_days
    tags               = var.tags
  }

  # Stage => the topic whose notification starts it. The provider takes 25 s to create a queue. The
  # keys of the queues do not depend on the topics, so that dead-letter queues are created at once.
  started = toset(["campaign", "validate"])
  topic_arns = {
    campaign = var.validate.topic_arn
    validate = var.import.topic_arn
  }

  stages = {
    validate = {
      state_machine_arn = var.validate.state_machine_arn
      kms_key           = var.validate.kms_key
      description       = "Starts the validation of an imported segment."
      environment       = {}
      policies          = {}
    }
    campaign = {
      state_machine_arn = var.campaign.state_machine_arn
      kms_key           = var.campaign.kms_key
      description       = "Starts the campaign to a validated segment."
      environment = merge(
        module.segment_access.environment,
        {
          DELAY_MINUTES     = tostring(var.delay_minutes)
          PHONE_TYPES       = join(",", var.phone_types)
          PROJECT_ID        = var.pinpoint.project_id
          SMS_TEMPLATE_NAME = var.sms_template_name
        },
        length(var.templates_by_file_prefix) == 0 ? {} : { TEMPLATES_BY_FILE_PREFIX = jsonencode(var.templates_by_file_prefix) },
        var.max_recipients == null ? {} : { MAX_RECIPIENTS = tostring(var.max_recipients) },
      )
      policies = { segments = module.segment_access.policy_json }
    }
  }
}

module "package" {
  source = "../internal/package"

  name     = var.name
  archives = ["import_validate_campaign"]
  packages = var.packages

  operations = local.operations
}

resource "aws_sns_topic_subscription" "stage" {
  for_each = local.started

  topic_arn           = local.topic_arns[each.key]
  protocol            = "sqs"
  endpoint            = module.queue[each.key].queue_arn
  filter_policy_scope = "MessageAttributes"
  filter_policy       = jsonencode({ notification_type = ["success"] })
  redrive_policy      = jsonencode({ deadLetterTargetArn = module.undelivered.queue_arn })
}

module "queue" {
  source   = "../internal/queue"
  for_each = local.started

  name                       = "${var.name}-${each.key}"
  visibility_timeout_seconds = 360
  publishers = {
    topic = {
      service    = "sns.amazonaws.com"
      source_arn = local.topic_arns[each.key]
    }
  }
  operations = local.operations
}

module "undelivered" {
  source = "../internal/dead_letter_queue"

  name = "${var.name}-undelivered"
  publishers = {
    for stage, topic_arn in local.topic_arns : stage => {
      service    = "sns.amazonaws.com"
      source_arn = topic_arn
    }
  }
  operations = local.operations
}

module "start" {
  source   = "../internal/lambda_function"
  for_each = local.stages

  name            = "${var.name}-start-${each.key}"
  description     = each.value.description
  handler         = each.key == "validate" ? "import_validate_campaign.functions.start_validation.lambda_handler" : "import_validate_campaign.functions.start_campaign.lambda_handler"
  package         = module.package.archives["import_validate_campaign"]
  timeout_seconds = 60
  environment     = merge(each.value.environment, { STATE_MACHINE_ARN = each.value.state_machine_arn })
  policies        = merge(each.value.policies, { start-stage = data.aws_iam_policy_document.start[each.key].json })
  kms_actions     = ["kms:Decrypt"] # the queue
  operations      = local.operations
}

resource "aws_lambda_event_source_mapping" "start" {
  for_each = local.started

  function_name           = module.start[each.key].function_arn
  event_source_arn        = module.queue[each.key].queue_arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]

  tags = var.tags
}
