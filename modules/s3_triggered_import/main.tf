# File in the bucket → EventBridge → queue → trigger function → one execution per file.

locals {
  operations = {
    alarm              = var.alarm
    kms_key            = var.kms_key
    log_retention_days = var.log_retention_days
    tags               = var.tags
  }

  bucket     = var.bucket == null ? module.bucket[0].bucket_name : var.bucket.name
  bucket_arn = "arn:${data.aws_partition.current.partition}:s3:::${local.bucket}"
  bucket_key = var.bucket == null ? var.kms_key : var.bucket.kms_key

  job_environment = merge(module.job_access.environment, {
    FILE_FORMAT       = var.import_format
    IMPORT_ROLE_ARN   = module.import_role.role_arn
    MAX_FAILURE_RATIO = var.max_failure_ratio
    PROJECT_ID        = var.pinpoint.project_id
    REUSE_SEGMENT     = var.reuse_segment
    TIMEOUT_MINUTES   = var.timeout_minutes
  })

  # Not under the watched prefix, or each copy would start another import.
  copy_prefix = "mapped/"

  rule_publishes = {
    rule = {
      service    = "events.amazonaws.com"
      source_arn = aws_cloudwatch_event_rule.file_dropped.arn
    }
  }

  # Name of the handler => function.
  job_functions = {
    start = {
      description = "Starts the import job of a file."
      policies    = merge({ pinpoint = module.job_access.policy_json }, module.import_role.pass_policies)
    }
    read = {
      description = "Reads the state of an import job."
      policies    = { pinpoint = module.read_access.policy_json }
    }
  }
}

module "package" {
  source = "../internal/package"

  name     = var.name
  archives = ["s3_triggered_import"]
  packages = var.packages

  operations = local.operations
}

module "bucket" {
  source = "../internal/bucket"
  count  = var.bucket == null ? 1 : 0

  name        = "${var.name}-files"
  eventbridge = true
  # An import deletes its copy. The rule deletes the copies of stopped imports.
  expiration_days = { (local.copy_prefix) = 1 }
  force_destroy   = var.force_destroy
  operations      = local.operations
}

resource "aws_cloudwatch_event_rule" "file_dropped" {
  name        = "${var.name}-file-dropped"
  description = "Files under the import prefix."

  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail = {
      bucket = { name = [local.bucket] }
      object = { key = [{ prefix = var.prefix }] }
    }
  })

  tags = var.tags
}

resource "aws_cloudwatch_event_target" "queue" {
  rule = aws_cloudwatch_event_rule.file_dropped.name
  arn  = module.queue.queue_arn

  dead_letter_config {
    arn = module.undelivered.queue_arn
  }
}

module "queue" {
  source = "../internal/queue"

  name                       = "${var.name}-files"
  visibility_timeout_seconds = 180
  publishers                 = local.rule_publishes
  operations                 = local.operations
}

module "undelivered" {
  source = "../internal/dead_letter_queue"

  name       = "${var.name}-undelivered"
  publishers = local.rule_publishes
  operations = local.operations
}

module "trigger" {
  source = "../internal/lambda_function"

  name        = "${var.name}-trigger"
  description = "Starts one import per file in the bucket."
  handler     = "s3_triggered_import.functions.trigger.lambda_handler"
  package     = module.package.archives["s3_triggered_import"]
  environment = merge(
    { STATE_MACHINE_ARN = module.state_machine.state_machine_arn },
    length(var.key_suffixes) == 0 ? {} : { KEY_SUFFIXES = join(",", var.key_suffixes) },
  )
  policies    = { start-imports = data.aws_iam_policy_document.trigger.json }
  kms_actions = ["kms:Decrypt", "kms:GenerateDataKey"] # the queue, and an execution's input
  operations  = local.operations
}

resource "aws_lambda_event_source_mapping" "trigger" {
  function_name           = module.trigger.function_arn
  event_source_arn        = module.queue.queue_arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]

  tags = var.tags
}

module "job" {
  source   = "../internal/lambda_function"
  for_each = local.job_functions

  name            = "${var.name}-${each.key}"
  description     = each.value.description
  handler         = "s3_triggered_import.functions.${each.key}_job.lambda_handler"
  package         = module.package.archives["s3_triggered_import"]
  timeout_seconds = 60
  environment     = local.job_environment
  policies        = each.value.policies
  operations      = local.operations
}

module "copy_file" {
  source = "../internal/lambda_function"

  name            = "${var.name}-copy"
  description     = "Writes a copy of the version of a file that an import reads."
  handler         = "s3_triggered_import.functions.copy_file.lambda_handler"
  package         = module.package.archives["s3_triggered_import"]
  timeout_seconds = 900
  memory_mb       = var.column_mapping == null ? 256 : 1769 # a whole vCPU: mapping is parsing
  environment = merge(
    { COPY_PREFIX = local.copy_prefix },
    var.column_mapping == null ? {} : { COLUMN_MAPPING = jsonencode(var.column_mapping) },
  )
  policies   = { files = data.aws_iam_policy_document.copy_file.json }
  operations = local.operations
}

module "topic" {
  source = "../internal/topic"

  name          = "${var.name}-notifications"
  subscriptions = var.subscriptions
  operations    = local.operations
}

module "state_machine" {
  source = "../internal/state_machine"

  name = "${var.name}-import"
  definition = templatefile("${path.module}/import.asl.json", {
    copy_file_function_arn = module.copy_file.function_arn
    maps_columns           = var.column_mapping != null
    partition              = data.aws_partition.current.partition
    project_id             = var.pinpoint.project_id
    read_function_arn      = module.job["read"].function_arn
    start_function_arn     = module.job["start"].function_arn
    topic_arn              = module.topic.topic_arn
  })
  policies   = { steps = data.aws_iam_policy_document.steps.json }
  operations = local.operations
}
