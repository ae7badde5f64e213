# A time of a schedule → function → one execution, which has the name of the schedule and the time.

locals {
  scheduled = length(var.schedules) == 0 ? toset([]) : toset(["scheduled"])

  inputs = {
    for key, schedule in var.schedules : key => {
      for member, value in {
        Query       = schedule.input.query
        Type        = schedule.input.type
        SegmentName = schedule.input.segment_name
        SegmentId   = schedule.input.segment_id
      } : member => value if value != null
    }
  }
}

resource "aws_scheduler_schedule" "this" {
  #checkov:skip=CKV_AWS_297:The schedule's input is a query; a customer managed key is used when kms_key is given.
  for_each = var.schedules

  name        = "${var.name}-${each.key}"
  description = "Starts the run ${each.key} of ${var.name}."
  state       = each.value.enabled ? "ENABLED" : "DISABLED"

  schedule_expression          = each.value.expression
  schedule_expression_timezone = each.value.time_zone
  kms_key_arn                  = one(var.kms_key[*].arn)

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = module.start_run["scheduled"].function_arn
    role_arn = module.schedule_role["scheduled"].role_arn
    # The time not by jsonencode, which escapes < and >: Scheduler would not recognise the context
    # attribute.
    input = "{\"Schedule\": ${jsonencode(each.key)}, \"ScheduledTime\": \"<aws.scheduler.scheduled-time>\", \"Input\": ${jsonencode(local.inputs[each.key])}}"

    retry_policy {
      maximum_event_age_in_seconds = 3600
      maximum_retry_attempts       = 185
    }

    dead_letter_config {
      arn = module.undelivered["scheduled"].queue_arn
    }
  }
}

module "start_run" {
  source   = "../internal/lambda_function"
  for_each = local.scheduled

  name        = "${var.name}-start-run"
  description = "Starts the run of a schedule."
  handler     = "federated_segmentation.functions.start_run.lambda_handler"
  package     = module.package.archives["federated_segmentation"]
  environment = { STATE_MACHINE_ARN = module.state_machine.state_machine_arn }
  policies    = { start-runs = data.aws_iam_policy_document.start_run.json }
  kms_actions = ["kms:Decrypt", "kms:GenerateDataKey"] # an execution's input
  on_failure  = { queue_arn = module.undelivered["scheduled"].queue_arn }
  operations  = local.operations
}

module "undelivered" {
  source   = "../internal/dead_letter_queue"
  for_each = local.scheduled

  name       = "${var.name}-undelivered"
  operations = local.operations
}

module "schedule_role" {
  source   = "../internal/schedule_role"
  for_each = local.scheduled

  name                  = "${var.name}-schedule"
  description           = "Starts the scheduled runs of ${var.name}."
  target                = { action = "lambda:InvokeFunction", arn = module.start_run["scheduled"].function_arn }
  dead_letter_queue_arn = module.undelivered["scheduled"].queue_arn
  operations            = local.operations
}

data "aws_iam_policy_document" "start_run" {
  statement {
    sid       = "StartRuns"
    actions   = ["states:StartExecution"]
    resources = [module.state_machine.state_machine_arn]
  }
}
