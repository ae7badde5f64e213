# Journeys of one project → the same journeys, as DRAFT, in another project.

data "aws_caller_identity" "current" {}
data "aws_region" "current" {}

locals {
  operations = {
    alarm              = var.alarm
    kms_key            = var.kms_key
    log_retention_days = var.log_retention_days
    tags               = var.tags
  }

  kms_key_arn = one(var.kms_key[*].arn)

  # Account and Region of each project. The ARN of a hub's API names both; the ARN of a role names its
  # account.
  from_arn = var.from.pinpoint.api == null ? null : split(":", var.from.pinpoint.api.execution_arn)
  to_arn   = var.to.pinpoint.api == null ? null : split(":", var.to.pinpoint.api.execution_arn)
  from = {
    region     = local.from_arn != null ? local.from_arn[3] : coalesce(var.from.region, data.aws_region.current.id)
    account_id = local.from_arn != null ? local.from_arn[4] : var.from.role == null ? data.aws_caller_identity.current.account_id : split(":", var.from.role.arn)[4]
  }
  to = {
    region     = local.to_arn != null ? local.to_arn[3] : coalesce(var.to.region, data.aws_region.current.id)
    account_id = local.to_arn != null ? local.to_arn[4] : var.to.role == null ? data.aws_caller_identity.current.account_id : split(":", var.to.role.arn)[4]
  }

  from_environment = merge(
    {
      FROM_PROJECT_ID = var.from.pinpoint.project_id
      FROM_ACCOUNT_ID = local.from.account_id
      FROM_REGION     = local.from.region
    },
    var.from.pinpoint.api == null ? {} : { FROM_API_URL = var.from.pinpoint.api.url },
    var.from.role == null ? {} : { FROM_ROLE_ARN = var.from.role.arn, FROM_EXTERNAL_ID = var.from.role.external_id },
  )
  to_environment = merge(
    {
      TO_PROJECT_ID = var.to.pinpoint.project_id
      TO_ACCOUNT_ID = local.to.account_id
      TO_REGION     = local.to.region
    },
    var.to.pinpoint.api == null ? {} : { TO_API_URL = var.to.pinpoint.api.url },
    var.to.role == null ? {} : { TO_ROLE_ARN = var.to.role.arn, TO_EXTERNAL_ID = var.to.role.external_id },
  )
  environment = merge(local.from_environment, local.to_environment, {
    BUCKET = module.bucket.bucket_name
    TABLE  = aws_dynamodb_table.mapping.name
  })

  # Name of the handler => function.
  functions = {
    plan = {
      description     = "Checks the input of a run and lists its journeys."
      timeout_seconds = 60
      policies        = { from = var.from.role == null ? module.list_access.policy_json : data.aws_iam_policy_document.take_from_role.json }
    }
    copy = {
      description     = "Copies one journey."
      timeout_seconds = 180
      policies = {
        from    = var.from.role == null ? module.read_access.policy_json : data.aws_iam_policy_document.take_from_role.json
        to      = var.to.role == null ? module.write_access.policy_json : data.aws_iam_policy_document.take_to_role.json
        records = data.aws_iam_policy_document.copy_records.json
      }
    }
    report = {
      description     = "Writes the report of a run."
      timeout_seconds = 180
      policies        = { records = data.aws_iam_policy_document.report_records.json }
    }
  }

  # The entries of journeys are parts of the report.
  report_expiration = merge(
    { "runs/" = 7 },
    var.report_retention_days == null ? {} : { "reports/" = var.report_retention_days },
  )

  # Hash of the inputs of a copy, which the function's answer repeats; see `applied_copy` in outputs.tf.
  revision = sha256(jsonencode([var.from, var.to, var.substitutes, var.copy_on_apply]))
}

module "package" {
  source = "../internal/package"

  name     = var.name
  archives = ["journey_copy"]
  packages = var.packages

  operations = local.operations
}

module "bucket" {
  source = "../internal/bucket"

  name            = "${var.name}-reports"
  expiration_days = local.report_expiration
  force_destroy   = var.force_destroy
  operations      = local.operations
}

# An object, because the environment of a function may have 4 KB.
resource "aws_s3_object" "substitutes" {
  bucket       = module.bucket.bucket_name
  key          = "settings/substitutes.json"
  content      = jsonencode(var.substitutes)
  content_type = "application/json"

  # S3 allows at most ten tags on an object, and the default_tags of the provider would count.
  override_provider {
    default_tags {
      tags = {}
    }
  }
}

# Source id => copy, of journeys, segments and template versions.
resource "aws_dynamodb_table" "mapping" {
  #checkov:skip=CKV_AWS_28:Without its item a copy is found again by its tag, or by its name and definition.
  #checkov:skip=CKV_AWS_119:DynamoDB encrypts with its own key; a customer managed one is used when kms_key is given.
  name         = "${var.name}-mapping"
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
  handler         = "journey_copy.functions.${each.key}.lambda_handler"
  package         = module.package.archives["journey_copy"]
  timeout_seconds = each.value.timeout_seconds
  environment     = local.environment
  policies        = each.value.policies
  kms_actions     = ["kms:Decrypt", "kms:GenerateDataKey"]
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

  name = "${var.name}-copy"
  definition = templatefile("${path.module}/copy.asl.json", {
    copy_function_arn   = module.function["copy"].function_arn
    partition           = data.aws_partition.current.partition
    plan_function_arn   = module.function["plan"].function_arn
    report_function_arn = module.function["report"].function_arn
    topic_arn           = module.topic.topic_arn
  })
  policies   = { steps = data.aws_iam_policy_document.steps.json }
  operations = local.operations
}

module "apply" {
  source = "../internal/lambda_function"
  count  = var.copy_on_apply == null ? 0 : 1

  name            = "${var.name}-apply"
  description     = "Copies journeys when Terraform applies, and deletes copies when it destroys."
  handler         = "journey_copy.functions.apply.lambda_handler"
  package         = module.package.archives["journey_copy"]
  timeout_seconds = 300
  environment     = merge(local.environment, { STATE_MACHINE_ARN = module.state_machine.state_machine_arn })
  policies        = { apply = data.aws_iam_policy_document.apply.json }
  kms_actions     = ["kms:Decrypt", "kms:GenerateDataKey"]
  operations      = local.operations
}

resource "aws_lambda_invocation" "copy" {
  count = var.copy_on_apply == null ? 0 : 1

  function_name   = module.apply[0].function_name
  lifecycle_scope = "CRUD"

  input = jsonencode({
    DeleteCopies = var.copy_on_apply.delete_copies_on_destroy
    DryRun       = var.copy_on_apply.dry_run
    JourneyIds   = var.copy_on_apply.journey_ids
    Revision     = local.revision
  })

  # On destroy the steps, with their permissions, are deleted after the copies.
  depends_on = [aws_s3_object.substitutes, module.apply, module.function, module.state_machine]
}
