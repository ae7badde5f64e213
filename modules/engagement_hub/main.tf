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

  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  region     = data.aws_region.current.id

  # IAM path of the functions' roles, which data roles of other modules trust.
  role_path = "/engagement-hub-functions/"

  # 32 shards carry 32,000 write units a second, which are 16,000 new endpoints; more shards would
  # spread hot partitions further. The number is part of every key, so it never changes for a table
  # that has data.
  endpoint_shards = 32

  # Built, because the campaign function schedules executions of the state machine that invokes it,
  # and so that the API function does not wait for the functions of the state machines.
  state_machine_arns = {
    for name in ["campaign", "export", "import", "journey"] :
    name => "arn:${local.partition}:states:${local.region}:${local.account_id}:stateMachine:${var.name}-${name}"
  }

  # Built, because the provider takes 25 s to create a queue, and every function would wait for it.
  schedule_dead_letter_arn = "arn:${local.partition}:sqs:${local.region}:${local.account_id}:${var.name}-schedules-dead-letter"

  # Absent settings are left out: the functions reject an empty string.
  environment = merge(
    {
      ACCOUNT_ID                 = local.account_id
      CAMPAIGN_STATE_MACHINE_ARN = local.state_machine_arns.campaign
      ENDPOINTS_TABLE            = aws_dynamodb_table.this["endpoints"].name
      ENDPOINT_SHARDS            = tostring(local.endpoint_shards)
      ENTITIES_TABLE             = aws_dynamodb_table.this["entities"].name
      HUB_NAME                   = var.name
      IMPORT_STATE_MACHINE_ARN   = local.state_machine_arns.import
      PARTITION                  = local.partition
      RUNS_TABLE                 = aws_dynamodb_table.this["runs"].name
      SCHEDULER_ROLE_ARN         = module.scheduler_role.role_arn
      SCHEDULE_DEAD_LETTER_ARN   = local.schedule_dead_letter_arn
      SCHEDULE_GROUP             = aws_scheduler_schedule_group.this.name
      WORK_BUCKET                = module.work_bucket.bucket_name
    },
    var.email == null ? {} : {
      EMAIL_ADDRESSES           = join(",", local.email_addresses)
      EMAIL_FROM_ADDRESS        = var.email.from_address
      EMAIL_MESSAGES_PER_SECOND = tostring(var.email.messages_per_second)
    },
    local.email_configuration_set == null ? {} : { EMAIL_CONFIGURATION_SET = local.email_configuration_set.name },
    length(local.email_configuration_sets) == 0 ? {} : { EMAIL_CONFIGURATION_SETS = join(",", values(local.email_configuration_sets)) },
    var.sms == null ? {} : {
      SMS_SENDER_IDS           = join(",", local.sms_sender_ids) # may be empty
      SMS_MESSAGES_PER_SECOND  = tostring(var.sms.messages_per_second)
      SMS_ORIGINATION_IDENTITY = var.sms.origination_identity_arn
    },
    local.sms_configuration_set == null ? {} : { SMS_CONFIGURATION_SET = local.sms_configuration_set.name },
    var.voice == null ? {} : {
      VOICE_MESSAGES_PER_SECOND  = tostring(var.voice.messages_per_second)
      VOICE_ORIGINATION_IDENTITY = var.voice.origination_identity_arn
    },
  )
}

module "package" {
  source = "../internal/package"

  name     = var.name
  archives = ["engagement_hub", "pinpoint_resources"]
  packages = var.packages

  operations = local.operations
}

# Tables: entities (projects, segments, campaigns, jobs and templates), endpoints with their users,
# and runs in progress.
resource "aws_dynamodb_table" "this" {
  for_each = toset(["endpoints", "entities", "runs"])

  #checkov:skip=CKV_AWS_119:DynamoDB encrypts with an AWS managed key; a customer managed one is used when kms_key is given.
  name         = "${var.name}-${each.key}"
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

  dynamic "ttl" {
    for_each = contains(["entities", "runs"], each.key) ? ["expires_at"] : []

    content {
      attribute_name = ttl.value
      enabled        = true
    }
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = local.kms_key_arn
  }

  # Changes of entities, for entity_changes.tf.
  stream_enabled   = each.key == "entities" && var.entity_events != null
  stream_view_type = each.key == "entities" && var.entity_events != null ? "NEW_AND_OLD_IMAGES" : null

  tags = var.tags
}

# Files that the steps of jobs and runs exchange. Every object expires.
module "work_bucket" {
  source = "../internal/bucket"

  name            = "${var.name}-work"
  expiration_days = { "jobs/" = 30, "runs/" = 30, "undelivered-events/" = 30 }
  force_destroy   = true # it holds work files only, which are copies
  operations      = local.operations
}

module "import_function" {
  source = "../internal/lambda_function"

  name            = "${var.name}-import"
  description     = "Steps of import jobs."
  handler         = "engagement_hub.functions.import_endpoints.lambda_handler"
  role_path       = local.role_path
  package         = module.package.archives["engagement_hub"]
  environment     = merge(local.environment, { IMPORT_CONCURRENCY = var.import_concurrency })
  policies        = { tables = data.aws_iam_policy_document.tables.json, work = data.aws_iam_policy_document.work.json, roles = data.aws_iam_policy_document.customer_roles.json, purge = data.aws_iam_policy_document.purge.json }
  kms_actions     = local.data_kms_actions
  timeout_seconds = 900
  memory_mb       = 1769 # a whole vCPU: parsing a file of 1 GB is bound by CPU
  operations      = local.operations
}

module "export_function" {
  source = "../internal/lambda_function"

  name            = "${var.name}-export"
  description     = "Steps of export jobs."
  handler         = "engagement_hub.functions.export_endpoints.lambda_handler"
  role_path       = local.role_path
  package         = module.package.archives["engagement_hub"]
  environment     = local.environment
  policies        = { tables = data.aws_iam_policy_document.tables.json, work = data.aws_iam_policy_document.work.json, roles = data.aws_iam_policy_document.customer_roles.json }
  kms_actions     = local.data_kms_actions
  timeout_seconds = 900
  memory_mb       = 1024
  operations      = local.operations
}

module "campaign_function" {
  source = "../internal/lambda_function"

  name        = "${var.name}-campaign"
  description = "Steps of campaign runs and journeys."
  handler     = "engagement_hub.functions.run_campaign.lambda_handler"
  role_path   = local.role_path
  package     = module.package.archives["engagement_hub"]
  environment = merge(local.environment, local.journey_environment)
  policies = merge(
    {
      tables            = data.aws_iam_policy_document.tables.json
      journeys          = data.aws_iam_policy_document.journeys.json
      journey-schedules = data.aws_iam_policy_document.journey_schedules.json
      journey-start     = data.aws_iam_policy_document.journey_start.json
      work              = data.aws_iam_policy_document.work.json
      roles             = data.aws_iam_policy_document.customer_roles.json
      schedule          = data.aws_iam_policy_document.schedule.json
    },
    local.sends ? { send = data.aws_iam_policy_document.send[0].json } : {},
  )
  managed_policies = merge(
    length(var.campaign_function_arns) == 0 ? {} : { hooks = data.aws_iam_policy_document.hooks[0].json },
    length(var.recommender_function_arns) == 0 ? {} : { recommenders = data.aws_iam_policy_document.recommenders[0].json },
  )
  kms_actions     = local.data_kms_actions
  timeout_seconds = 300
  memory_mb       = 512
  operations      = local.operations
}

module "import_state_machine" {
  source = "../internal/state_machine"

  name = "${var.name}-import"
  definition = templatefile("${path.module}/import.asl.json", {
    function_arn = module.import_function.function_arn
    partition    = local.partition
  })
  policies        = { steps = data.aws_iam_policy_document.import_steps.json }
  distributed_map = { results_arn = "${module.work_bucket.bucket_arn}/jobs/*/map-runs/*" }
  operations      = local.operations
}

module "export_state_machine" {
  source = "../internal/state_machine"

  name = "${var.name}-export"
  definition = templatefile("${path.module}/export.asl.json", {
    function_arn = module.export_function.function_arn
    partition    = local.partition
  })
  policies   = { steps = data.aws_iam_policy_document.export_steps.json }
  operations = local.operations
}

module "campaign_state_machine" {
  source = "../internal/state_machine"

  name = "${var.name}-campaign"
  definition = templatefile("${path.module}/campaign.asl.json", {
    function_arn = module.campaign_function.function_arn
    partition    = local.partition
  })
  policies        = { steps = data.aws_iam_policy_document.campaign_steps.json }
  distributed_map = { results_arn = "${module.work_bucket.bucket_arn}/runs/*/map-runs/*" }
  operations      = local.operations
}

# Later and recurring runs: each run has a one-time schedule, which is deleted after the invocation.
resource "aws_scheduler_schedule_group" "this" {
  name = var.name

  tags = var.tags
}

module "schedule_dead_letter" {
  source = "../internal/dead_letter_queue"

  name       = "${var.name}-schedules"
  publishers = local.ended_rule_publishes
  operations = local.operations
}

# Events that the stream refused are kept in the work bucket. The alarm is for the operator.
resource "aws_cloudwatch_metric_alarm" "undelivered_events" {
  alarm_name        = "${var.name}-undelivered-events"
  alarm_description = "The event stream of a project refuses events. The events are kept in the work bucket: those of campaigns under runs/<run>/undelivered-events/, those of requests under undelivered-events/<project>/."

  namespace   = "EngagementHub"
  metric_name = "UndeliveredEvents"
  dimensions  = { Hub = var.name, service = "engagement-hub" }
  statistic   = "Sum"
  period      = 60

  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"

  alarm_actions = var.alarm[*].topic_arn

  tags = var.tags
}
