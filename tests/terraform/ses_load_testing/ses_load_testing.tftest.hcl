mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name = "load"
  sending = {
    identity_arns      = ["arn:aws:ses:eu-west-1:111122223333:identity/example.com"]
    configuration_sets = ["tracked"]
    templates          = ["SimpleEmail"]
  }
}

run "sends_in_large_batches_and_answers_for_each_message" {
  command = apply

  assert {
    condition = alltrue([
      aws_lambda_event_source_mapping.sender.batch_size == 100,
      aws_lambda_event_source_mapping.sender.maximum_batching_window_in_seconds == 1,
      aws_lambda_event_source_mapping.sender.function_response_types == toset(["ReportBatchItemFailures"]),
      one(aws_lambda_event_source_mapping.sender.scaling_config).maximum_concurrency == 2,
    ])
    error_message = "Batches must be large, few at a time, and a failed message must not take its batch along."
  }

  assert {
    condition = data.aws_iam_policy_document.sender.statement[0].resources == toset([
      "arn:aws:ses:eu-west-1:111122223333:identity/example.com",
      "arn:aws:ses:eu-west-1:111122223333:configuration-set/tracked",
      "arn:aws:ses:eu-west-1:111122223333:template/SimpleEmail",
    ])
    error_message = "The sender must use what it was given, and nothing else."
  }

  assert {
    condition     = data.aws_iam_policy_document.quota_watch.statement[0].resources == toset([aws_lambda_event_source_mapping.sender.arn])
    error_message = "Only the sender's own mapping may be turned off and on."
  }

  assert {
    condition     = one(aws_apigatewayv2_route.this[*].authorization_type) == "AWS_IAM" && one(aws_apigatewayv2_route.this[*].route_key) == "POST /messages"
    error_message = "By default requests must be signed."
  }

  assert {
    condition     = length(aws_cloudwatch_dashboard.this) == 0 && output.dashboard_name == null
    error_message = "A dashboard costs money: it must be asked for."
  }

  assert {
    condition     = toset(keys(aws_cloudwatch_metric_alarm.this)) == toset(["oldest-message", "parked", "stopped-by-account", "stopped-by-quota", "unrecorded-calls"])
    error_message = "Every failure that needs a person must have an alarm."
  }
}

run "makes_a_dashboard_when_told" {
  command = apply

  variables { dashboard = true }

  assert {
    condition     = output.dashboard_name == "load" && length(jsondecode(one(aws_cloudwatch_dashboard.this).dashboard_body).widgets) == 8
    error_message = "The dashboard must be declared."
  }
}

run "takes_an_api_key_from_a_secret" {
  command = plan

  variables {
    api = {
      authorization = "API_KEY"
      api_key       = { secret_arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:key", kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/secrets" } }
    }
  }

  assert {
    condition     = one(aws_apigatewayv2_route.this[*].authorization_type) == "NONE"
    error_message = "The function checks the key: HTTP APIs have no API keys."
  }

  assert {
    condition     = data.aws_iam_policy_document.api.statement[1].resources == toset(["arn:aws:secretsmanager:eu-west-1:111122223333:secret:key"]) && length(data.aws_iam_policy_document.api.statement) == 3
    error_message = "The function must read that secret, with its key."
  }
}

run "has_no_api_when_told_so" {
  command = plan

  variables { api = null }

  assert {
    condition     = length(module.api_function) == 0 && length(aws_cloudwatch_metric_alarm.server_errors) == 0 && output.api_url == null && length(data.aws_iam_policy_document.api.statement) == 1
    error_message = "Without an API there must be nothing of one."
  }
}

run "reads_an_existing_table_of_users_with_its_key" {
  command = plan

  variables {
    metadata_table = {
      name    = "theirs"
      arn     = "arn:aws:dynamodb:eu-west-1:111122223333:table/theirs"
      kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/theirs" }
    }
  }

  assert {
    condition = alltrue([
      length(aws_dynamodb_table.metadata) == 0,
      output.metadata_table_name == "theirs",
      data.aws_iam_policy_document.sender.statement[2].resources == toset(["arn:aws:dynamodb:eu-west-1:111122223333:table/theirs"]),
      data.aws_iam_policy_document.sender.statement[7].resources == toset(["arn:aws:kms:eu-west-1:111122223333:key/theirs"]),
    ])
    error_message = "No table must be made, and theirs be read only."
  }
}

run "notifies_and_encrypts_as_told" {
  command = plan

  variables {
    alarm   = { topic_arn = "arn:aws:sns:eu-west-1:111122223333:alarms" }
    kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/ours" }
  }

  assert {
    condition = alltrue([
      alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.alarm_actions == toset(["arn:aws:sns:eu-west-1:111122223333:alarms"])]),
      aws_sqs_queue.parked.kms_master_key_id == "arn:aws:kms:eu-west-1:111122223333:key/ours",
      one(aws_dynamodb_table.state.server_side_encryption).kms_key_arn == "arn:aws:kms:eu-west-1:111122223333:key/ours",
    ])
    error_message = "Every alarm must notify, and everything at rest be under the given key."
  }
}

run "rejects_an_authorization_that_lets_anybody_in" {
  command = plan

  variables { api = { authorization = "NONE" } }

  expect_failures = [var.api]
}

run "rejects_an_api_key_without_its_secret" {
  command = plan

  variables { api = { authorization = "API_KEY" } }

  expect_failures = [var.api]
}

run "rejects_an_api_that_refuses_every_request" {
  command = plan

  variables { api = { requests_per_second = 0 } }

  expect_failures = [var.api]
}

run "may_send_in_bulk_by_both_names_of_the_action_and_to_the_sandbox_s_recipients" {
  command = plan

  variables {
    sending = {
      identity_arns           = ["arn:aws:ses:eu-west-1:111122223333:identity/example.com"]
      recipient_identity_arns = ["arn:aws:ses:eu-west-1:111122223333:identity/ann@example.org"]
      templates               = ["SimpleEmail"]
    }
  }

  assert {
    condition = alltrue([
      toset(data.aws_iam_policy_document.sender.statement[0].actions) == toset(["ses:SendBulkEmail", "ses:SendBulkTemplatedEmail"]),
      toset(data.aws_iam_policy_document.sender.statement[0].resources) == toset([
        "arn:aws:ses:eu-west-1:111122223333:identity/example.com",
        "arn:aws:ses:eu-west-1:111122223333:identity/ann@example.org",
        "arn:aws:ses:eu-west-1:111122223333:template/SimpleEmail",
      ]),
    ])
    error_message = "SES asks for both actions, on each of these resources."
  }
}

run "rejects_templates_that_a_role_s_policies_cannot_hold" {
  command = plan

  variables {
    sending = {
      identity_arns = ["arn:aws:ses:eu-west-1:111122223333:identity/example.com"]
      templates     = [for number in range(100) : "template-number-${number}"]
    }
  }

  expect_failures = [data.aws_iam_policy_document.sender]
}

run "rejects_identities_that_a_role_s_policies_cannot_hold" {
  command = plan

  variables {
    sending = {
      identity_arns = [for number in range(40) : "arn:aws:ses:eu-west-1:111122223333:identity/number-${number}.example.com"]
      templates     = ["*"]
    }
  }

  expect_failures = [data.aws_iam_policy_document.sender]
}

run "rejects_a_recipient_s_identity_by_its_address" {
  command = plan

  variables {
    sending = {
      identity_arns           = ["arn:aws:ses:eu-west-1:111122223333:identity/example.com"]
      recipient_identity_arns = ["ann@example.org"]
      templates               = ["*"]
    }
  }

  expect_failures = [var.sending]
}

run "rejects_sending_without_an_identity" {
  command = plan

  variables { sending = { identity_arns = [], templates = ["*"] } }

  expect_failures = [var.sending]
}

run "rejects_sending_without_a_template" {
  command = plan

  variables { sending = { identity_arns = ["arn:aws:ses:eu-west-1:111122223333:identity/example.com"], templates = [] } }

  expect_failures = [var.sending]
}

run "rejects_a_configuration_set_by_its_arn" {
  command = plan

  variables {
    sending = {
      identity_arns      = ["arn:aws:ses:eu-west-1:111122223333:identity/example.com"]
      templates          = ["*"]
      configuration_sets = ["arn:aws:ses:eu-west-1:111122223333:configuration-set/tracked"]
    }
  }

  expect_failures = [var.sending]
}

run "rejects_forgetting_messages_that_are_still_queued" {
  command = plan

  variables { idempotency_days = 7 }

  expect_failures = [var.idempotency_days]
}

run "rejects_fewer_senders_than_lambda_allows_and_too_little_memory" {
  command = plan

  variables { sender = { maximum_concurrency = 1, memory_mb = 128 } }

  expect_failures = [var.sender]
}

run "rejects_an_age_that_no_message_reaches" {
  command = plan

  variables { oldest_message_minutes = 30000 }

  expect_failures = [var.oldest_message_minutes]
}

run "rejects_a_name_that_a_role_cannot_have" {
  command = plan

  variables { name = "Load_Test" }

  expect_failures = [var.name]
}

run "fits_the_longest_name_into_every_aws_name" {
  command = plan

  variables { name = "exactly-26-characters-long" }

  assert {
    condition     = length(var.name) == 26
    error_message = "The name must be as long as the rule allows."
  }
}

run "rejects_a_longer_name_a_retention_that_cloudwatch_does_not_offer_and_zips_from_two_places" {
  command = plan

  variables {
    name               = "at-27-characters-it-is-long"
    log_retention_days = 31
    packages           = { directory = "dist", s3 = { bucket = "releases" } }
  }

  expect_failures = [var.name, var.log_retention_days, var.packages]
}
