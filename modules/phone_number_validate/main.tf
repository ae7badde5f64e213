locals {
  operations = {
    alarm              = var.alarm
    kms_key            = var.kms_key
    log_retention_days = var.log_retention_days
    tags               = var.tags
  }
  kms_key_arn = one(var.kms_key[*].arn)

  pinpoint_environment = merge(module.export_access.environment, { PROJECT_ID = var.pinpoint.project_id })
  export_environment = merge(local.pinpoint_environment, {
    BUCKET                      = module.bucket.bucket_name
    EXPORT_ROLE_ARN             = module.export_role.role_arn
    NEEDS_VALIDATION_SEGMENT_ID = module.segment.results.Segment["needs_validation"].Id
    TIMEOUT_MINUTES             = var.timeout_minutes
  })
  file_environment = merge(
    {
      BUCKET = module.bucket.bucket_name
      # The function's share of the rate must let it complete a batch of 100 well within its 900 s.
      MAX_CONCURRENCY        = min(40, ceil(var.validations_per_second / 5))
      RECHECK_AFTER_SECONDS  = var.recheck_after_seconds
      VALIDATIONS_PER_SECOND = var.validations_per_second
    },
    var.default_country == null ? {} : { DEFAULT_COUNTRY = var.default_country },
  )

  functions = {
    start-export = {
      description = "Starts the export of a run's endpoints."
      handler     = "phone_number_validate.functions.start_export.lambda_handler"
      environment = local.export_environment
      policies    = merge({ pinpoint = module.export_access.policy_json }, module.export_role.pass_policies)
    }
    read-export = {
      description = "Reads the state of an export job."
      handler     = "phone_number_validate.functions.read_export.lambda_handler"
      environment = local.export_environment
      policies    = { pinpoint = module.read_export_access.policy_json }
    }
    list-numbers = {
      description     = "Lists the distinct numbers of an export."
      handler         = "phone_number_validate.functions.list_numbers.lambda_handler"
      environment     = local.file_environment
      policies        = { files = data.aws_iam_policy_document.list_numbers.json }
      kms_actions     = ["kms:Decrypt", "kms:GenerateDataKey"]
      timeout_seconds = 900
      # Numbers are grouped in memory: about a million endpoints in 2 GB.
      memory_mb = 2048
    }
    validate-batch = {
      description = "Validates a batch of numbers and marks their endpoints."
      handler     = "phone_number_validate.functions.validate_batch.lambda_handler"
      environment = merge(local.pinpoint_environment, {
        BUCKET                 = module.bucket.bucket_name
        CACHE_DAYS             = var.cache_days
        TABLE                  = aws_dynamodb_table.verdict.name
        VALIDATIONS_PER_SECOND = var.validations_per_second
      })
      policies = {
        endpoints = module.endpoint_access.policy_json
        numbers   = module.number_access.policy_json
        results   = data.aws_iam_policy_document.validate_batch.json
      }
      kms_actions     = ["kms:Decrypt", "kms:GenerateDataKey"]
      timeout_seconds = 900
      memory_mb       = 512
    }
    add-up = {
      description     = "Adds up the results of a run's batches and writes the report of invalid numbers."
      handler         = "phone_number_validate.functions.add_up.lambda_handler"
      environment     = local.file_environment
      policies        = { files = data.aws_iam_policy_document.add_up.json }
      kms_actions     = ["kms:Decrypt", "kms:GenerateDataKey"]
      timeout_seconds = 300
    }
    delete-files = {
      description     = "Deletes a run's exported and working files."
      handler         = "phone_number_validate.functions.delete_files.lambda_handler"
      environment     = local.file_environment
      policies        = { files = data.aws_iam_policy_document.delete_files.json }
      timeout_seconds = 300
    }
  }
}

module "package" {
  source = "../internal/package"

  name     = var.name
  archives = ["phone_number_validate", "pinpoint_resources"]
  packages = var.packages

  operations = local.operations
}

# Segment that a run without a SegmentId validates.
module "segment" {
  source = "../pinpoint_resources"

  name     = var.name
  packages = module.package.packages["pinpoint_resources"]
  pinpoint = var.pinpoint

  segments = {
    needs_validation = jsonencode({
      Name = "Needs Phone Number Validated"
      SegmentGroups = {
        Include = "ALL"
        Groups = [
          {
            Type       = "NONE"
            SourceType = "ANY"
            Dimensions = [{
              Attributes = {
                PNV_PhoneNumberValidated = { AttributeType = "INCLUSIVE", Values = ["Yes"] }
              }
            }]
          },
          {
            Type       = "ANY"
            SourceType = "ANY"
            Dimensions = [{
              Demographic = { Channel = { DimensionType = "INCLUSIVE", Values = ["SMS", "VOICE"] } }
            }]
          },
        ]
      }
    })
  }

  alarm              = var.alarm
  kms_key            = var.kms_key
  log_retention_days = var.log_retention_days
  tags               = var.tags
}

moved {
  from = module.segment.aws_lambda_invocation.this["needs_validation"]
  to   = module.segment.aws_lambda_invocation.this["Segment/needs_validation"]
}

module "bucket" {
  source = "../internal/bucket"

  name = "${var.name}-work"
  # A run deletes its files. The rule deletes the files of stopped runs, and old reports.
  expiration_days = { "exports/" = 1, "reports/" = 30, "work/" = 1 }
  force_destroy   = var.force_destroy
  operations      = local.operations
}

# Verdicts by number, and the rate limit that all functions share.
resource "aws_dynamodb_table" "verdict" {
  #checkov:skip=CKV_AWS_28:A cache: what is lost is asked again.
  #checkov:skip=CKV_AWS_119:DynamoDB encrypts with its own key; a customer managed one is used when kms_key is given.
  name         = "${var.name}-verdicts"
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
  handler         = each.value.handler
  package         = module.package.archives["phone_number_validate"]
  timeout_seconds = try(each.value.timeout_seconds, 60)
  memory_mb       = try(each.value.memory_mb, 256)
  environment     = each.value.environment
  policies        = each.value.policies
  kms_actions     = try(each.value.kms_actions, [])
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

  name = "${var.name}-validate"
  definition = templatefile("${path.module}/validate.asl.json", {
    add_up_function_arn         = module.function["add-up"].function_arn
    delete_files_function_arn   = module.function["delete-files"].function_arn
    list_numbers_function_arn   = module.function["list-numbers"].function_arn
    partition                   = data.aws_partition.current.partition
    project_id                  = var.pinpoint.project_id
    read_export_function_arn    = module.function["read-export"].function_arn
    start_export_function_arn   = module.function["start-export"].function_arn
    topic_arn                   = module.topic.topic_arn
    validate_batch_function_arn = module.function["validate-batch"].function_arn
  })
  distributed_map = { results_arn = "${module.bucket.bucket_arn}/work/*/map-run/*" }
  policies        = { steps = data.aws_iam_policy_document.steps.json }
  operations      = local.operations
}
