# Call of a campaign → keys of its endpoints → source of values → the endpoints with attributes.

locals {
  operations = {
    alarm              = var.alarm
    kms_key            = var.kms_key
    log_retention_days = var.log_retention_days
    tags               = var.tags
  }

  table    = var.attribute_source.table
  https    = var.attribute_source.https
  function = var.attribute_source.function
  header   = local.https == null ? null : local.https.header
  existing = local.table == null ? null : local.table.existing

  # Items of the module's own table end where they have expires_at. Another table says so itself.
  expiry = local.table == null ? null : local.existing == null && local.table.expiry == null ? "expires_at" : local.table.expiry

  # Presence is known at plan: the module's own table exists where no other table is named.
  own_table  = local.table != null && local.existing == null
  table_name = local.own_table ? "${var.name}-attributes" : local.existing == null ? null : element(split("/", local.existing.arn), 1)
  table_arn  = local.own_table ? one(aws_dynamodb_table.this[*].arn) : local.existing == null ? null : local.existing.arn

  settings = jsonencode({
    attributes           = var.attributes
    allowed              = var.allowed
    cache_seconds        = var.cache_seconds
    deadline_seconds     = var.deadline_seconds
    key                  = var.key
    max_value_characters = var.max_value_characters
    on_failure           = var.on_failure
    source = merge(
      local.table == null ? {} : {
        table = {
          name          = local.table_name
          partition_key = local.table.partition_key.name
          key_type      = local.table.partition_key.type
          expiry        = local.expiry
        }
      },
      local.https == null ? {} : {
        https = {
          url              = local.https.url
          method           = local.https.method
          header           = local.header == null ? null : local.header.name
          secret_arn       = local.header == null ? null : one(local.header.secret[*].arn)
          parameter_arn    = local.header == null ? null : one(local.header.parameter[*].arn)
          max_answer_bytes = local.https.max_answer_bytes
        }
      },
      local.function == null ? {} : {
        function = {
          arn              = local.function.arn
          max_answer_bytes = local.function.max_answer_bytes
        }
      },
    )
  })
}

module "package" {
  source = "../internal/package"

  name     = var.name
  archives = concat(["campaign_attributes"], var.project_hook == null ? [] : ["pinpoint_resources"])
  packages = var.packages

  operations = local.operations
}

resource "aws_dynamodb_table" "this" {
  #checkov:skip=CKV_AWS_28:The values are copies of another system's, which can write them again.
  #checkov:skip=CKV_AWS_119:DynamoDB encrypts with its own key; a customer managed one is used when kms_key is given.
  count = local.own_table ? 1 : 0

  name         = "${var.name}-attributes"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = local.table.partition_key.name

  attribute {
    name = local.table.partition_key.name
    type = local.table.partition_key.type
  }

  ttl {
    attribute_name = local.expiry
    enabled        = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = one(var.kms_key[*].arn)
  }

  tags = var.tags
}

# A campaign waits 15 s. The function ends before that: a deadline, a second for the part of the
# answer that is there, and the work before and after.
module "function" {
  source = "../internal/lambda_function"

  name            = "${var.name}-hook"
  description     = "Adds attributes to the endpoints of campaigns when they send."
  handler         = "campaign_attributes.functions.add_attributes.lambda_handler"
  package         = module.package.archives["campaign_attributes"]
  environment     = { SETTINGS = local.settings }
  policies        = { for number, document in data.aws_iam_policy_document.source : "source" => document.json }
  timeout_seconds = ceil(var.deadline_seconds) + 4
  memory_mb       = 512

  operations = local.operations
}

module "permission" {
  source = "../internal/campaign_permission"

  function_name = module.function.function_name
  campaign_role = var.campaign_role
  pinpoint      = var.pinpoint
}

# Refuses to replace a hook that is another function, and leaves the other settings as they are.
module "project_settings" {
  source = "../pinpoint_resources"
  count  = var.project_hook == null ? 0 : 1

  name     = var.name
  packages = module.package.packages["pinpoint_resources"]
  pinpoint = var.pinpoint

  application_settings = {
    properties = jsonencode(local.project_settings)
  }

  alarm              = var.alarm
  kms_key            = var.kms_key
  log_retention_days = var.log_retention_days
  tags               = var.tags

  # No campaign may call the function before it is permitted.
  depends_on = [module.permission]
}

locals {
  campaign_hook    = { LambdaFunctionName = module.function.function_arn, Mode = "FILTER" }
  project_settings = { CampaignHook = local.campaign_hook } # every other setting stays as it is
}
