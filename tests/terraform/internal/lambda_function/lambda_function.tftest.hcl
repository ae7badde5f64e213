mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name    = "import-worker"
  handler = "s3_triggered_import.handler.lambda_handler"
  package = { bucket = "packages", key = "0a1b/s3_triggered_import.zip" }
}

run "has_safe_defaults" {
  command = plan

  assert {
    condition     = aws_lambda_function.this.runtime == "python3.13" && join(" ", aws_lambda_function.this.architectures) == "arm64"
    error_message = "The function must run on python3.13 and arm64."
  }

  assert {
    condition     = aws_lambda_function.this.tracing_config[0].mode == "Active"
    error_message = "Tracing must be on."
  }

  assert {
    condition     = aws_lambda_function.this.logging_config[0].log_group == "/aws/lambda/import-worker" && aws_cloudwatch_log_group.this.retention_in_days == 30
    error_message = "Logs must go to the function's own group, which keeps them for 30 days."
  }

  assert {
    condition     = length(aws_lambda_function.this.environment) == 0
    error_message = "No environment means no block: an empty one shows as a difference for ever."
  }

  assert {
    condition     = length(aws_lambda_function_event_invoke_config.this) == 0 && length(aws_lambda_permission.this) == 0
    error_message = "No service may invoke the function unless the caller names it."
  }

  assert {
    condition     = aws_lambda_function.this.s3_bucket == "packages" && aws_lambda_function.this.s3_key == "0a1b/s3_triggered_import.zip"
    error_message = "The code must be the given object, whose key changes with its content."
  }
}

run "keeps_policies_that_grow_with_a_list_out_of_the_role_s_inline_policies" {
  command = plan

  variables {
    policies         = { tables = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
    managed_policies = { hooks = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }

  assert {
    condition     = join(" ", keys(aws_iam_role_policy.given)) == "tables" && aws_iam_policy.managed["hooks"].name == "import-worker-hooks" && aws_iam_role_policy_attachment.managed["hooks"].role == "import-worker-lambda"
    error_message = "A managed policy must be attached to the role of the function, under the function's name."
  }
}

run "has_no_alarms_by_default" {
  command = plan

  variables {
    on_failure = { queue_arn = "arn:aws:sqs:eu-west-1:111122223333:failed" }
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this) == 0
    error_message = "A function must have alarms on request only: its failures reach an alarm of the caller's."
  }
}

run "has_no_alarms_for_a_topic_that_asks_for_no_details" {
  command = plan

  variables {
    operations = { alarm = { topic_arn = "arn:aws:sns:eu-west-1:111122223333:operators" } }
    on_failure = { queue_arn = "arn:aws:sqs:eu-west-1:111122223333:failed" }
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this) == 0
    error_message = "A topic alone must not add an alarm to each function."
  }
}

run "detailed_alarms_show_errors_and_throttles" {
  command = plan

  variables {
    operations = { alarm = { topic_arn = "arn:aws:sns:eu-west-1:111122223333:operators", detailed = true } }
  }

  assert {
    condition = { for key, alarm in aws_cloudwatch_metric_alarm.this : key => [alarm.metric_name, alarm.dimensions] } == {
      errors    = ["Errors", tomap({ FunctionName = "import-worker" })]
      throttles = ["Throttles", tomap({ FunctionName = "import-worker" })]
    }
    error_message = "Errors and throttles of this function must have alarms."
  }
}

run "detailed_alarms_notify_the_topic" {
  command = plan

  variables {
    operations = { alarm = { topic_arn = "arn:aws:sns:eu-west-1:111122223333:operators", detailed = true } }
    on_failure = { queue_arn = "arn:aws:sqs:eu-west-1:111122223333:failed" }
  }

  assert {
    condition     = keys(aws_cloudwatch_metric_alarm.this) == ["errors", "throttles", "undelivered-failures"]
    error_message = "A failure destination needs an alarm for when it cannot be reached."
  }

  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : join(" ", alarm.alarm_actions) == "arn:aws:sns:eu-west-1:111122223333:operators"])
    error_message = "Every alarm must notify the topic."
  }
}

run "may_write_logs_to_its_own_group_only" {
  command = apply

  assert {
    condition     = join(" ", data.aws_iam_policy_document.logs_and_traces.statement[0].resources) == "arn:aws:logs:eu-west-1:111122223333:log-group:mock:*"
    error_message = "The role must write to the function's own log group and no other."
  }

  assert {
    condition     = keys(aws_iam_role_policy.given) == []
    error_message = "Nothing but logs and traces is allowed by default."
  }
}

run "attaches_each_given_policy_under_its_name" {
  command = plan

  variables {
    policies = { read-imports = "{}", start-import = "{}" }
  }

  assert {
    condition     = keys(aws_iam_role_policy.given) == ["read-imports", "start-import"]
    error_message = "Each policy must be attached under its key."
  }
}

run "keeps_failed_asynchronous_events" {
  command = plan

  variables {
    on_failure = { queue_arn = "arn:aws:sqs:eu-west-1:111122223333:failed" }
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.this[0].destination_config[0].on_failure[0].destination == "arn:aws:sqs:eu-west-1:111122223333:failed"
    error_message = "Failed events must go to the queue."
  }

  assert {
    condition = length(data.aws_iam_policy_document.on_failure[0].statement) == 1 && (
      join(" ", data.aws_iam_policy_document.on_failure[0].statement[0].resources) == "arn:aws:sqs:eu-west-1:111122223333:failed"
    )
    error_message = "The role may send to that queue, and without a key needs no permission for a key."
  }
}

run "uses_the_key_everywhere" {
  command = plan

  variables {
    operations  = { kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/k" } }
    on_failure  = { queue_arn = "arn:aws:sqs:eu-west-1:111122223333:failed" }
    environment = { BUCKET = "files" }
  }

  assert {
    condition     = aws_lambda_function.this.kms_key_arn == var.operations.kms_key.arn && aws_cloudwatch_log_group.this.kms_key_id == var.operations.kms_key.arn
    error_message = "The environment and the logs must be encrypted with the key."
  }

  assert {
    condition     = contains([for statement in data.aws_iam_policy_document.on_failure[0].statement : statement.sid], "EncryptFailedEvents")
    error_message = "Sending to an encrypted queue needs its key."
  }
}

run "decrypts_its_environment_and_nothing_else_unless_told" {
  command = plan

  variables {
    operations  = { kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/k" } }
    environment = { BUCKET = "files" }
  }

  assert {
    condition = [for statement in data.aws_iam_policy_document.logs_and_traces.statement : [join(" ", statement.actions), join(" ", statement.resources)] if statement.sid == "UseTheKey"] == [
      ["kms:Decrypt", "arn:aws:kms:eu-west-1:111122223333:key/k"],
    ]
    error_message = "Lambda decrypts the environment with the role's permissions."
  }
}

run "decrypts_its_environment_beside_its_data" {
  command = plan

  variables {
    operations  = { kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/k" } }
    environment = { BUCKET = "files" }
    kms_actions = ["kms:GenerateDataKey", "kms:Decrypt"]
  }

  assert {
    condition     = [for statement in data.aws_iam_policy_document.logs_and_traces.statement : statement.actions if statement.sid == "UseTheKey"] == [toset(["kms:Decrypt", "kms:GenerateDataKey"])]
    error_message = "The role needs each action once."
  }
}

run "gives_lambda_no_key_without_environment" {
  command = plan

  variables {
    operations = { kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/k" } }
  }

  assert {
    condition     = aws_lambda_function.this.kms_key_arn == null
    error_message = "Lambda keeps no key of a function without environment, so that every plan would show a change."
  }
}

run "leaves_the_key_alone_unless_told" {
  command = plan

  variables {
    operations = { kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/k" } }
  }

  assert {
    condition     = !contains([for statement in data.aws_iam_policy_document.logs_and_traces.statement : statement.sid], "UseTheKey")
    error_message = "A function that reaches no data under the key must not be able to use it."
  }
}

run "does_with_the_key_what_it_is_told_and_no_more" {
  command = plan

  variables {
    operations  = { kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/k" } }
    kms_actions = ["kms:Decrypt"]
  }

  assert {
    condition = [for statement in data.aws_iam_policy_document.logs_and_traces.statement : [join(" ", statement.actions), join(" ", statement.resources)] if statement.sid == "UseTheKey"] == [
      ["kms:Decrypt", "arn:aws:kms:eu-west-1:111122223333:key/k"],
    ]
    error_message = "The role must have those actions, on that key."
  }
}

run "needs_no_key_where_there_is_none" {
  command = plan

  variables {
    kms_actions = ["kms:Decrypt"]
  }

  assert {
    condition     = !contains([for statement in data.aws_iam_policy_document.logs_and_traces.statement : statement.sid], "UseTheKey")
    error_message = "Without a key there is nothing to allow."
  }
}

run "leaves_the_detection_of_recursive_loops_on" {
  command = plan

  assert {
    condition     = length(aws_lambda_function_recursion_config.this) == 0
    error_message = "A loop by mistake must end."
  }
}

run "lets_a_function_that_queues_its_own_messages_again_do_so_without_end" {
  command = plan

  variables { recursive_loop_allowed = true }

  assert {
    condition     = aws_lambda_function_recursion_config.this[0].recursive_loop == "Allow"
    error_message = "Lambda would stop the function after about 16 messages of one chain."
  }
}

run "pins_the_account_of_callers_whose_arn_names_none" {
  command = plan

  variables {
    invokers = {
      bucket = { service = "s3.amazonaws.com", source_arn = "arn:aws:s3:::imports" }
      topic  = { service = "sns.amazonaws.com", source_arn = "arn:aws:sns:eu-west-1:111122223333:started" }
    }
  }

  assert {
    condition     = aws_lambda_permission.this["bucket"].source_account == "111122223333" && aws_lambda_permission.this["bucket"].source_arn == "arn:aws:s3:::imports"
    error_message = "A bucket's ARN names no account, so the permission must."
  }

  assert {
    condition     = aws_lambda_permission.this["topic"].source_account == null && aws_lambda_permission.this["topic"].principal == "sns.amazonaws.com"
    error_message = "An ARN with an account says enough."
  }
}

run "rejects_a_name_that_leaves_no_room_for_the_role" {
  command = plan

  variables {
    name = "a-function-name-that-is-longer-than-fifty-seven-characters"
  }

  expect_failures = [var.name]
}

run "rejects_a_timeout_beyond_lambdas" {
  command = plan

  variables {
    timeout_seconds = 901
  }

  expect_failures = [var.timeout_seconds]
}

run "rejects_less_memory_than_lambda_gives" {
  command = plan

  variables {
    memory_mb = 64
  }

  expect_failures = [var.memory_mb]
}

run "rejects_a_concurrency_that_stops_the_function" {
  command = plan

  variables {
    reserved_concurrency = 0
  }

  expect_failures = [var.reserved_concurrency]
}

run "rejects_a_policy_name_of_its_own" {
  command = plan

  variables {
    policies = { on-failure = "{}" }
  }

  expect_failures = [var.policies]
}
