# Schedule or operator → one execution per month → copy of SES's report in the bucket → topic.

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

  partition  = data.aws_partition.current.partition
  region     = data.aws_region.current.id
  account_id = data.aws_caller_identity.current.account_id

  bucket     = var.bucket == null ? module.bucket[0].bucket_name : var.bucket.name
  bucket_arn = "arn:${local.partition}:s3:::${local.bucket}"
  bucket_key = var.bucket == null ? var.kms_key : var.bucket.kms_key

  console_url = lookup({
    aws        = "https://${local.region}.console.aws.amazon.com"
    aws-cn     = "https://console.amazonaws.cn"
    aws-us-gov = "https://console.amazonaws-us-gov.com"
  }, local.partition, "https://console.aws.amazon.com")

  # Built, because a step describes executions of the state machine that invokes it.
  machine_name   = "${var.name}-export"
  executions_arn = "arn:${local.partition}:states:${local.region}:${local.account_id}:execution:${local.machine_name}:*"

  environment = {
    CLAIMS_TABLE  = aws_dynamodb_table.claims.name
    CONSOLE_URL   = local.console_url
    REPORT_BUCKET = local.bucket
    REPORT_PREFIX = var.prefix
    SPECIFICATION = jsonencode({
      DataFormat = var.format
      Dimensions = var.dimensions
      Metrics    = [for metric in var.metrics : { Aggregation = metric.aggregation, Name = metric.name }]
    })
    TIMEOUT_SECONDS = tostring(var.timeout_seconds)
    TIME_ZONE       = var.schedule.time_zone
  }

  # Name of the Python module => function.
  steps = {
    plan = {
      description     = "Determines the month of an export."
      timeout_seconds = 30
      policies        = {}
      kms_actions     = []
    }
    start = {
      description     = "Starts the export of a month, once."
      timeout_seconds = 60
      policies        = { start = data.aws_iam_policy_document.start.json }
      kms_actions     = ["kms:Decrypt"] # the table
    }
    collect = {
      description     = "Reads the state of an export and copies its report."
      timeout_seconds = 300
      policies        = { collect = data.aws_iam_policy_document.collect.json }
      kms_actions     = ["kms:Decrypt"] # the table
    }
  }
}

module "package" {
  source = "../internal/package"

  name     = var.name
  archives = ["ses_vdm_export"]
  packages = var.packages

  operations = local.operations
}

module "bucket" {
  source = "../internal/bucket"
  count  = var.bucket == null ? 1 : 0

  name            = "${var.name}-reports"
  expiration_days = var.retention_days == null ? {} : { (var.prefix) = var.retention_days }
  force_destroy   = var.force_destroy
  operations      = local.operations
}

# Claims of exported months, which are kept: a few hundred bytes a month.
resource "aws_dynamodb_table" "claims" {
  #checkov:skip=CKV_AWS_119:DynamoDB encrypts with an AWS managed key; a customer managed one is used when kms_key is given.
  name         = "${var.name}-claims"
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

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = local.kms_key_arn
  }

  tags = var.tags
}

module "step" {
  source   = "../internal/lambda_function"
  for_each = local.steps

  name            = "${var.name}-${each.key}"
  description     = each.value.description
  handler         = "ses_vdm_export.functions.${each.key}.lambda_handler"
  package         = module.package.archives["ses_vdm_export"]
  timeout_seconds = each.value.timeout_seconds
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

  name = local.machine_name
  definition = templatefile("${path.module}/export.asl.json", {
    collect_function_arn = module.step["collect"].function_arn
    partition            = local.partition
    plan_function_arn    = module.step["plan"].function_arn
    start_function_arn   = module.step["start"].function_arn
    topic_arn            = module.topic.topic_arn
  })
  policies   = { steps = data.aws_iam_policy_document.steps.json }
  operations = local.operations
}

resource "aws_scheduler_schedule" "this" {
  #checkov:skip=CKV_AWS_297:The schedule's input is one time, which is no secret; a customer managed key is used when kms_key is given.
  name        = "${var.name}-monthly"
  description = "Exports the previous month from SES."
  state       = var.schedule.enabled ? "ENABLED" : "DISABLED"

  schedule_expression          = var.schedule.expression
  schedule_expression_timezone = var.schedule.time_zone
  kms_key_arn                  = local.kms_key_arn

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = module.state_machine.state_machine_arn
    role_arn = module.schedule_role.role_arn
    # Not by jsonencode, which escapes < and >: Scheduler would not recognise the context attribute.
    input = "{\"scheduled_time\": \"<aws.scheduler.scheduled-time>\"}"

    retry_policy {
      maximum_event_age_in_seconds = 86400
      maximum_retry_attempts       = 185
    }

    dead_letter_config {
      arn = module.undelivered.queue_arn
    }
  }
}

module "undelivered" {
  source = "../internal/dead_letter_queue"

  name       = "${var.name}-undelivered"
  operations = local.operations
}
