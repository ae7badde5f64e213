locals {
  operations = {
    alarm              = var.alarm
    kms_key            = var.kms_key
    log_retention_days = var.log_retention_days
    tags               = var.tags
  }

  environment = merge(
    module.create_access.environment,
    {
      MESSAGE_TYPE    = var.sms.message_type
      PROJECT_ID      = var.pinpoint.project_id
      TIMEOUT_MINUTES = var.timeout_minutes
    },
    var.sms.origination_identity == null ? {} : { ORIGINATION_IDENTITY = var.sms.origination_identity },
    var.sms.sender_id == null ? {} : { SENDER_ID = var.sms.sender_id },
  )

  # Name of the handler => function.
  functions = {
    create = {
      description = "Creates the campaign of an execution, once."
      policy_json = module.create_access.policy_json
    }
    read = {
      description = "Reads the state of a campaign and of its activities."
      policy_json = module.read_access.policy_json
    }
  }
}

module "package" {
  source = "../internal/package"

  name     = var.name
  archives = ["campaign_create"]
  packages = var.packages

  operations = local.operations
}

module "function" {
  source   = "../internal/lambda_function"
  for_each = local.functions

  name            = "${var.name}-${each.key}"
  description     = each.value.description
  handler         = "campaign_create.functions.${each.key}.lambda_handler"
  package         = module.package.archives["campaign_create"]
  timeout_seconds = 60
  environment     = local.environment
  policies        = { pinpoint = each.value.policy_json }
  operations      = local.operations
}

module "topic" {
  source = "../internal/topic"

  name          = "${var.name}-notifications"
  subscriptions = var.subscriptions
  operations    = local.operations
}

module "state_machine" {
  source = "../internal/state_machine"

  name = "${var.name}-campaign"
  definition = templatefile("${path.module}/campaign.asl.json", {
    create_function_arn = module.function["create"].function_arn
    partition           = data.aws_partition.current.partition
    project_id          = var.pinpoint.project_id
    read_function_arn   = module.function["read"].function_arn
    topic_arn           = module.topic.topic_arn
  })
  policies   = { steps = data.aws_iam_policy_document.steps.json }
  operations = local.operations
}
