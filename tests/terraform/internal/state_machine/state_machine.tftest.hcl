mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name       = "import"
  definition = "{}"
}

run "logs_every_event_without_its_data" {
  command = plan

  assert {
    condition     = aws_sfn_state_machine.this.logging_configuration[0].level == "ALL" && !aws_sfn_state_machine.this.logging_configuration[0].include_execution_data
    error_message = "Execution data holds addresses and numbers: it must not be logged, everything else must."
  }

  assert {
    condition     = aws_cloudwatch_log_group.this.name == "/aws/vendedlogs/states/import" && aws_cloudwatch_log_group.this.retention_in_days == 30
    error_message = "The log group needs the prefix that log delivery wants, and an end."
  }

  assert {
    condition     = aws_sfn_state_machine.this.tracing_configuration[0].enabled && length(aws_sfn_state_machine.this.encryption_configuration) == 0
    error_message = "Tracing is on; without a key there is no encryption block."
  }
}

run "is_trusted_only_for_itself" {
  command = plan

  assert {
    condition = {
      for condition in data.aws_iam_policy_document.trust.statement[0].condition : condition.variable => join(" ", condition.values)
      } == {
      "aws:SourceAccount" = "111122223333"
      "aws:SourceArn"     = "arn:aws:states:eu-west-1:111122223333:stateMachine:import arn:aws:states:eu-west-1:111122223333:stateMachine:import/*"
    }
    error_message = "Step Functions may take the role for this machine and no other (confused deputy)."
  }
}

run "starts_nothing_by_default" {
  command = plan

  assert {
    condition     = length(aws_iam_role_policy.distributed_map) == 0 && length(aws_iam_role_policy.given) == 0
    error_message = "Only logs and traces are allowed by default."
  }
}

run "may_start_itself_for_a_distributed_map" {
  command = plan

  variables {
    distributed_map = { results_arn = "arn:aws:s3:::work/jobs/*" }
    policies        = { invoke-worker = "{}" }
  }

  assert {
    condition     = join(" ", data.aws_iam_policy_document.distributed_map[0].statement[0].resources) == "arn:aws:states:eu-west-1:111122223333:stateMachine:import"
    error_message = "Child executions are started on this machine and no other."
  }

  assert {
    condition = [
      for statement in data.aws_iam_policy_document.distributed_map[0].statement : join(" ", statement.resources) if statement.sid == "WriteMapResults"
    ] == ["arn:aws:s3:::work/jobs/*"]
    error_message = "ResultWriters write to the given objects and no other."
  }

  assert {
    condition     = length(aws_iam_role_policy.distributed_map) == 1 && keys(aws_iam_role_policy.given) == ["invoke-worker"]
    error_message = "Both policies must be attached."
  }
}

run "alarms_exist_without_anybody_to_notify" {
  command = plan

  assert {
    condition     = keys(aws_cloudwatch_metric_alarm.this) == ["executions-failed", "executions-timed-out"]
    error_message = "Each way to fail needs an alarm, and nothing else by default."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : length(alarm.alarm_actions) == 0])
    error_message = "Without `alarm` no topic is notified."
  }
}

run "alarms_notify_the_topic" {
  command = plan

  variables {
    operations = { alarm = { topic_arn = "arn:aws:sns:eu-west-1:111122223333:operators" } }
  }

  assert {
    condition     = keys(aws_cloudwatch_metric_alarm.this) == ["executions-failed", "executions-timed-out"]
    error_message = "A topic alone must not add alarms."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : join(" ", alarm.alarm_actions) == var.operations.alarm.topic_arn])
    error_message = "Every alarm must notify the topic."
  }
}

run "detailed_alarms_show_throttled_executions" {
  command = plan

  variables {
    operations = { alarm = { topic_arn = "arn:aws:sns:eu-west-1:111122223333:operators", detailed = true } }
  }

  assert {
    condition     = keys(aws_cloudwatch_metric_alarm.this) == ["executions-failed", "executions-throttled", "executions-timed-out"]
    error_message = "Throttled executions must have an alarm on request."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : join(" ", alarm.alarm_actions) == var.operations.alarm.topic_arn])
    error_message = "Every alarm must notify the topic."
  }
}

run "encrypts_executions_with_the_key" {
  command = plan

  variables {
    operations = { kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/k" } }
  }

  assert {
    condition     = aws_sfn_state_machine.this.encryption_configuration[0].kms_key_id == var.operations.kms_key.arn && aws_cloudwatch_log_group.this.kms_key_id == var.operations.kms_key.arn
    error_message = "Executions and logs must be encrypted with the key."
  }

  assert {
    condition     = contains([for statement in data.aws_iam_policy_document.logs_and_traces.statement : statement.sid], "UseTheKey")
    error_message = "The role needs the key."
  }
}

run "rejects_a_policy_name_of_its_own" {
  command = plan

  variables {
    policies = { distributed-map = "{}" }
  }

  expect_failures = [var.policies]
}

run "rejects_a_name_with_a_space" {
  command = plan

  variables {
    name = "import job"
  }

  expect_failures = [var.name]
}

run "a_machine_whose_failures_reach_a_person_elsewhere_has_no_alarm_on_them" {
  command = plan

  variables { failure_alarms = false }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this) == 0
    error_message = "Failures that a dead-letter queue keeps need no second alarm."
  }
}
