# Change of an entity → rule → queue → function → row. A schedule compares the rows with the project,
# and exports them for Athena.

data "aws_partition" "current" {}

locals {
  operations = {
    alarm              = var.alarm
    kms_key            = var.kms_key
    log_retention_days = var.log_retention_days
    tags               = var.tags
  }
  kms_key_arn = one(var.kms_key[*].arn)

  environment = merge(module.access.environment, {
    CAMPAIGNS_TABLE = aws_dynamodb_table.this["campaigns"].name
    PROJECT_ID      = var.pinpoint.project_id
    SEGMENTS_TABLE  = aws_dynamodb_table.this["segments"].name
  })

  # Prefix of the exported files in the bucket of the event database.
  export_prefix = "names/"
  export_environment = var.event_database == null ? {} : {
    EXPORT_BUCKET = var.event_database.events_bucket_name
    EXPORT_PREFIX = local.export_prefix
  }

  rule_publishes = {
    rule = {
      service    = "events.amazonaws.com"
      source_arn = aws_cloudwatch_event_rule.changes.arn
    }
  }
}

module "package" {
  source = "../internal/package"

  name     = var.name
  archives = ["campaign_journey_segment_db"]
  packages = var.packages

  operations = local.operations
}

# Rows by entity id. Rows of deleted entities stay, because events name the entities for years.
resource "aws_dynamodb_table" "this" {
  for_each = toset(["campaigns", "segments"])

  #checkov:skip=CKV_AWS_119:DynamoDB encrypts with an AWS managed key; a customer managed one is used when kms_key is given.
  name         = "${var.name}-${each.key}"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
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

resource "aws_cloudwatch_event_rule" "changes" {
  name           = "${var.name}-changes"
  description    = "Changes of campaigns, journeys and segments of the project."
  event_bus_name = var.entity_events == null ? "default" : var.entity_events.event_bus_name

  event_pattern = var.entity_events == null ? jsonencode(local.pinpoint_pattern) : jsonencode(local.hub_pattern)

  tags = var.tags
}

locals {
  hub_pattern = {
    source      = var.entity_events[*].source
    detail-type = var.entity_events[*].detail_type
    detail      = { applicationId = [var.pinpoint.project_id] }
  }

  # EventBridge Events Reference, "Amazon Pinpoint events", and Pinpoint Developer Guide, "Logging
  # Amazon Pinpoint API calls with AWS CloudTrail". A call that failed has an errorCode.
  pinpoint_pattern = {
    source      = ["aws.pinpoint"]
    detail-type = ["AWS API Call via CloudTrail"]
    detail = {
      eventSource = ["pinpoint.amazonaws.com"]
      eventName = [
        "CreateCampaign", "CreateJourney", "CreateSegment",
        "DeleteCampaign", "DeleteJourney", "DeleteSegment",
        "UpdateCampaign", "UpdateJourney", "UpdateJourneyState", "UpdateSegment",
      ]
      errorCode         = [{ exists = false }]
      requestParameters = { application-id = [var.pinpoint.project_id] }
    }
  }
}

resource "aws_cloudwatch_event_target" "queue" {
  rule           = aws_cloudwatch_event_rule.changes.name
  event_bus_name = aws_cloudwatch_event_rule.changes.event_bus_name
  arn            = module.queue.queue_arn

  dead_letter_config {
    arn = module.undelivered.queue_arn
  }
}

module "queue" {
  source = "../internal/queue"

  name                       = "${var.name}-changes"
  visibility_timeout_seconds = 360
  publishers                 = local.rule_publishes
  operations                 = local.operations
}

# Changes that EventBridge could not put into the queue, and reconciliations that failed.
module "undelivered" {
  source = "../internal/dead_letter_queue"

  name       = "${var.name}-undelivered"
  publishers = local.rule_publishes
  operations = local.operations
}

module "record_function" {
  source = "../internal/lambda_function"

  name        = "${var.name}-record"
  description = "Records changes of campaigns, journeys and segments."
  handler     = "campaign_journey_segment_db.functions.record.lambda_handler"
  package     = module.package.archives["campaign_journey_segment_db"]
  environment = local.environment
  policies = merge(
    { record = data.aws_iam_policy_document.record.json },
    var.entity_events == null ? { pinpoint = module.read_access[0].policy_json } : {},
  )
  kms_actions     = ["kms:Decrypt"] # the queue and the tables
  timeout_seconds = 60
  operations      = local.operations
}

resource "aws_lambda_event_source_mapping" "changes" {
  function_name    = module.record_function.function_arn
  event_source_arn = module.queue.queue_arn

  batch_size                         = 50
  maximum_batching_window_in_seconds = 1
  function_response_types            = ["ReportBatchItemFailures"]

  # Two at most, so that a burst of changes leaves other functions of the account their concurrency.
  scaling_config {
    maximum_concurrency = 2
  }

  tags = var.tags
}

module "reconcile_function" {
  source = "../internal/lambda_function"

  name        = "${var.name}-reconcile"
  description = "Compares the tables with the project, and exports them for Athena."
  handler     = "campaign_journey_segment_db.functions.reconcile.lambda_handler"
  package     = module.package.archives["campaign_journey_segment_db"]
  environment = merge(local.environment, local.export_environment)
  policies = merge(
    {
      pinpoint  = module.access.policy_json
      reconcile = data.aws_iam_policy_document.reconcile.json
    },
    var.event_database == null ? {} : { export = data.aws_iam_policy_document.export[0].json },
  )
  kms_actions     = ["kms:Decrypt"] # the tables
  timeout_seconds = 300             # a NAT gateway drops an idle connection after 350 s
  memory_mb       = 512
  on_failure      = { queue_arn = module.undelivered.queue_arn }
  operations      = local.operations
}

# Entities from before the module. Changes are recorded from before this reading on, so that no
# change falls between the two.
resource "aws_lambda_invocation" "first_reconciliation" {
  function_name = module.reconcile_function.function_name
  input         = "{}"

  triggers = {
    exports    = var.event_database == null ? "none" : var.event_database.events_bucket_name
    project_id = var.pinpoint.project_id
  }

  depends_on = [
    aws_cloudwatch_event_target.queue,
    aws_lambda_event_source_mapping.changes,
  ]
}

resource "aws_scheduler_schedule" "reconciliation" {
  #checkov:skip=CKV_AWS_297:The schedule has no input; a customer managed key is used when kms_key is given.
  name        = "${var.name}-reconciliation"
  description = "Compares the tables with the project, and exports them."

  schedule_expression = var.reconciliation.schedule_expression
  kms_key_arn         = local.kms_key_arn

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = module.reconcile_function.function_arn
    role_arn = module.schedule_role.role_arn
    input    = "{}"

    retry_policy {
      maximum_event_age_in_seconds = 3600
      maximum_retry_attempts       = 10
    }

    dead_letter_config {
      arn = module.undelivered.queue_arn
    }
  }
}
