mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name                  = "monthly-schedule"
  description           = "Starts a machine."
  target                = { action = "states:StartExecution", arn = "arn:aws:states:eu-west-1:111122223333:stateMachine:monthly" }
  dead_letter_queue_arn = "arn:aws:sqs:eu-west-1:111122223333:monthly-dead-letter"
}

run "calls_one_target_and_keeps_what_could_not_be_called" {
  command = apply

  assert {
    condition = alltrue([
      length(data.aws_iam_policy_document.schedule.statement) == 2,
      join(" ", data.aws_iam_policy_document.schedule.statement[0].actions) == "states:StartExecution",
      join(" ", data.aws_iam_policy_document.schedule.statement[0].resources) == var.target.arn,
      join(" ", data.aws_iam_policy_document.schedule.statement[1].actions) == "sqs:SendMessage",
      join(" ", data.aws_iam_policy_document.schedule.statement[1].resources) == var.dead_letter_queue_arn,
    ])
    error_message = "The role may do nothing else."
  }

  assert {
    condition = {
      for condition in one(data.aws_iam_policy_document.trust.statement).condition : condition.variable => one(condition.values)
      } == {
      "aws:SourceAccount" = "111122223333"
      "aws:SourceArn"     = "arn:aws:scheduler:eu-west-1:111122223333:schedule-group/default"
    }
    error_message = "No other schedule may use the role."
  }
}

run "serves_the_schedules_of_a_group_and_writes_to_an_encrypted_queue" {
  command = apply

  variables {
    schedule_group_arn = "arn:aws:scheduler:eu-west-1:111122223333:schedule-group/campaigns"
    operations         = { kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/k" } }
  }

  assert {
    condition = contains(flatten([
      for condition in one(data.aws_iam_policy_document.trust.statement).condition : tolist(condition.values)
    ]), var.schedule_group_arn)
    error_message = "The given group must be used."
  }

  assert {
    condition     = join(" ", data.aws_iam_policy_document.schedule.statement[2].resources) == var.operations.kms_key.arn
    error_message = "Sending to an encrypted queue needs its key."
  }
}

run "rejects_a_name_that_iam_does_not_take" {
  command = plan

  variables {
    name = "a name"
  }

  expect_failures = [var.name]
}
