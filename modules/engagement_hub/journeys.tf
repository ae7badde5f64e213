# Journeys: their participants, the state machine that moves them on, and its schedules. The
# campaign function has the steps, so that one role calls the callers' functions.
locals {
  journey_environment = {
    JOURNEYS_TABLE             = aws_dynamodb_table.journeys.name
    JOURNEY_SCHEDULER_ROLE_ARN = module.journey_scheduler_role.role_arn
    JOURNEY_STATE_MACHINE_ARN  = local.state_machine_arns.journey
  }
}

resource "aws_dynamodb_table" "journeys" {
  #checkov:skip=CKV_AWS_119:DynamoDB encrypts with an AWS managed key; a customer managed one is used when kms_key is given.
  name         = "${var.name}-journeys"
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

  attribute {
    name = "due_bucket"
    type = "S"
  }

  # Sparse: participants whose wait ends in a minute. The keys are enough: a step reads the items.
  global_secondary_index {
    name            = "due"
    hash_key        = "due_bucket"
    projection_type = "KEYS_ONLY"
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
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

# A failed execution is repeated by the function of ended executions, and reaches the dead-letter
# queue of the schedules, which has an alarm, after the third one.
module "journey_state_machine" {
  source = "../internal/state_machine"

  name = "${var.name}-journey"
  definition = templatefile("${path.module}/journey.asl.json", {
    function_arn = module.campaign_function.function_arn
    partition    = local.partition
  })
  policies        = { steps = data.aws_iam_policy_document.campaign_steps.json }
  distributed_map = { results_arn = "${module.work_bucket.bucket_arn}/runs/*/map-runs/*" }
  failure_alarms  = false
  operations      = local.operations
}

module "journey_scheduler_role" {
  source = "../internal/schedule_role"

  name                  = "${var.name}-journey-schedules"
  description           = "Starts scheduled work of the journeys of ${var.name}."
  target                = { action = "states:StartExecution", arn = local.state_machine_arns.journey }
  dead_letter_queue_arn = local.schedule_dead_letter_arn
  schedule_group_arn    = aws_scheduler_schedule_group.this.arn
  operations            = local.operations
}

data "aws_iam_policy_document" "journeys" {
  statement {
    sid = "MoveParticipantsOn"
    actions = [
      "dynamodb:BatchGetItem",
      "dynamodb:BatchWriteItem",
      "dynamodb:DeleteItem",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:Query",
      "dynamodb:UpdateItem",
    ]
    resources = [aws_dynamodb_table.journeys.arn]
  }

  statement {
    sid       = "FindParticipantsWhoseWaitIsOver"
    actions   = ["dynamodb:Query"]
    resources = ["${aws_dynamodb_table.journeys.arn}/index/due"]
  }
}

data "aws_iam_policy_document" "journey_metrics" {
  statement {
    sid       = "ReadTheMetricsOfJourneys"
    actions   = ["dynamodb:Query"]
    resources = [aws_dynamodb_table.journeys.arn]
  }
}

data "aws_iam_policy_document" "journey_start" {
  statement {
    sid       = "StartTheWorkOfJourneys"
    actions   = ["states:StartExecution"]
    resources = [local.state_machine_arns.journey]
  }
}

data "aws_iam_policy_document" "journey_schedules" {
  statement {
    sid       = "ScheduleTheWorkOfJourneys"
    actions   = ["scheduler:CreateSchedule"]
    resources = ["arn:${local.partition}:scheduler:${local.region}:${local.account_id}:schedule/${aws_scheduler_schedule_group.this.name}/*"]
  }

  statement {
    sid       = "LetSchedulesStartTheWorkOfJourneys"
    actions   = ["iam:PassRole"]
    resources = [module.journey_scheduler_role.role_arn]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["scheduler.amazonaws.com"]
    }
  }
}
