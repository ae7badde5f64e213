# Executions that end abnormally: a stopped execution, or one that ran out of time, does not reach
# the step that closes its run or job. EventBridge reports its end, and the function closes it, or
# starts the work of a journey again.
locals {
  ended_rule_publishes = {
    ended = {
      service    = "events.amazonaws.com"
      source_arn = aws_cloudwatch_event_rule.ended.arn
    }
  }
}

resource "aws_cloudwatch_event_rule" "ended" {
  name        = "${var.name}-ended-executions"
  description = "Executions of ${var.name} that ended abnormally."

  # A child execution of a Distributed Map has an ARN of its own and does not match.
  event_pattern = jsonencode({
    source      = ["aws.states"]
    detail-type = ["Step Functions Execution Status Change"]
    detail = {
      stateMachineArn = values(local.state_machine_arns)
      status          = ["ABORTED", "FAILED", "TIMED_OUT"]
    }
  })

  tags = var.tags
}

resource "aws_cloudwatch_event_target" "ended" {
  rule = aws_cloudwatch_event_rule.ended.name
  arn  = module.ended_function.function_arn

  dead_letter_config {
    arn = module.schedule_dead_letter.queue_arn
  }
}

module "ended_function" {
  source = "../internal/lambda_function"

  name        = "${var.name}-ended"
  description = "Closes runs and jobs of executions that ended abnormally, and repeats work of journeys."
  handler     = "engagement_hub.functions.close_ended.lambda_handler"
  role_path   = local.role_path
  package     = module.package.archives["engagement_hub"]
  environment = merge(local.environment, local.journey_environment, {
    EXPORT_STATE_MACHINE_ARN = local.state_machine_arns.export
  })
  policies = {
    close         = data.aws_iam_policy_document.close_ended.json
    purge         = data.aws_iam_policy_document.purge.json
    schedule      = data.aws_iam_policy_document.schedule.json
    journey-start = data.aws_iam_policy_document.journey_start.json
  }
  kms_actions     = local.data_kms_actions
  timeout_seconds = 60
  on_failure      = { queue_arn = module.schedule_dead_letter.queue_arn }
  invokers        = local.ended_rule_publishes
  operations      = local.operations
}

data "aws_iam_policy_document" "close_ended" {
  statement {
    sid     = "ReadEndedExecutions"
    actions = ["states:DescribeExecution"]
    resources = [
      for arn in values(local.state_machine_arns) : "${replace(arn, ":stateMachine:", ":execution:")}:*"
    ]
  }

  # The batch actions are for campaigns whose content exceeds an item and is kept in parts.
  statement {
    sid = "CloseRunsAndJobs"
    actions = [
      "dynamodb:BatchGetItem",
      "dynamodb:BatchWriteItem",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
    ]
    resources = [aws_dynamodb_table.this["entities"].arn]
  }

  statement {
    sid       = "CountRunsAndJobs"
    actions   = ["dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"]
    resources = [aws_dynamodb_table.this["runs"].arn]
  }
}
