locals {
  operations = {
    alarm              = var.alarm
    kms_key            = var.kms_key
    log_retention_days = var.log_retention_days
    tags               = var.tags
  }

  kms_key_arn = one(var.kms_key[*].arn)

  environment = merge(
    module.create_access.environment,
    {
      MESSAGE_TYPE    = var.sms.message_type
      PROJECT_ID      = var.pinpoint.project_id
      TABLE           = aws_dynamodb_table.created.name
      TIMEOUT_MINUTES = var.timeout_minutes
    },
    var.sms.origination_identity == null ? {} : { ORIGINATION_IDENTITY = var.sms.origination_identity },
    var.sms.sender_id == null ? {} : { SENDER_ID = var.sms.sender_id },
  )

  # Name of the handler => function.
  functions = {
    create = {
      description = "Creates the campaign of an execution, once."
      policies    = { pinpoint = module.create_access.policy_json, created = data.aws_iam_policy_document.created.json }
      kms_actions = ["kms:Decrypt", "kms:GenerateDataKey"]
    }
    read = {
      description = "Reads the state of a campaign and of its activities."
      policies    = { pinpoint = module.read_access.policy_json }
      kms_actions = []
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

# The campaign of each run, so that a repeated run finds it without reading the project's list.
resource "aws_dynamodb_table" "created" {
  #checkov:skip=CKV_AWS_28:What is lost is looked up in the project.
  #checkov:skip=CKV_AWS_119:DynamoDB encrypts with its own key; a customer managed one is used when kms_key is given.
  name         = "${var.name}-created"
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

  server_side_encryption {
    enabled     = true
    kms_key_arn = local.kms_key_arn
  }

  tags = var.tags
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
  policies        = each.value.policies
  kms_actions     = each.value.kms_actions
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
