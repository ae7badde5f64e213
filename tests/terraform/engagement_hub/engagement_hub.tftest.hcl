mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name = "hub"
}

run "the_api_lets_in_signed_callers_only" {
  command = plan

  assert {
    condition     = aws_apigatewayv2_route.this.authorization_type == "AWS_IAM" && aws_apigatewayv2_route.this.route_key == "ANY /v1/{proxy+}"
    error_message = "Every route must ask for a signature."
  }

  assert {
    condition     = !can(regex("path|Path|sourceIp", aws_apigatewayv2_stage.this.access_log_settings[0].format))
    error_message = "The access log must not hold paths: endpoint ids in them are often addresses."
  }
}

run "sends_texts_and_no_email_by_default" {
  command = plan

  assert {
    condition     = [for statement in data.aws_iam_policy_document.send[0].statement : statement.sid] == ["SendTextsFromTheseIdentities"]
    error_message = "Without email and voice there must be no permission to send them."
  }

  assert {
    condition     = !contains(keys(local.environment), "EMAIL_FROM_ADDRESS") && !contains(keys(local.environment), "SMS_ORIGINATION_IDENTITY")
    error_message = "What is not configured must be absent, not empty."
  }

  assert {
    condition     = length(module.resources) == 0 && output.pinpoint == null && output.project_id == null
    error_message = "Without project_name there is no project."
  }
}

run "sends_email_from_the_one_address" {
  command = plan

  variables {
    email = {
      from_address      = "news@example.com"
      identity_arn      = "arn:aws:ses:eu-west-1:111122223333:identity/example.com"
      configuration_set = "news"
    }
    sms = null
  }

  assert {
    condition = alltrue([
      length(data.aws_iam_policy_document.send[0].statement) == 1,
      one(data.aws_iam_policy_document.send[0].statement[0].condition).variable == "ses:FromAddress",
      join(" ", one(data.aws_iam_policy_document.send[0].statement[0].condition).values) == "news@example.com",
      length(data.aws_iam_policy_document.send[0].statement[0].resources) == 2,
    ])
    error_message = "Email must go from the configured address, identity and configuration set only."
  }

  assert {
    condition     = keys(aws_sns_topic_subscription.delivery) == ["email"] && length(aws_sesv2_configuration_set_event_destination.this) == 1
    error_message = "Delivery events of the configuration set must reach the hub."
  }
}

run "sends_nothing_when_told_so" {
  command = plan

  variables { sms = null }

  assert {
    condition     = length(data.aws_iam_policy_document.send) == 0
    error_message = "Without any channel there must be no sending policy."
  }
}

run "asks_for_events_of_texts_when_there_is_a_configuration_set" {
  command = plan

  variables {
    sms = {
      origination_identity_arn = "arn:aws:sms-voice:eu-west-1:111122223333:phone-number/phone-1"
      configuration_set        = "texts"
    }
  }

  assert {
    condition = data.aws_iam_policy_document.send[0].statement[0].resources == toset([
      "arn:aws:sms-voice:eu-west-1:111122223333:configuration-set/texts",
      "arn:aws:sms-voice:eu-west-1:111122223333:phone-number/phone-1",
    ])
    error_message = "Texts must go from the given identity only."
  }

  assert {
    condition     = keys(aws_sns_topic_subscription.delivery) == ["sms"] && length(module.resources) == 1
    error_message = "Delivery events of the configuration set must reach the hub."
  }
}

run "assumes_roles_under_its_path_only" {
  command = plan

  assert {
    condition     = join(" ", data.aws_iam_policy_document.customer_roles.statement[0].resources) == "arn:aws:iam::111122223333:role/engagement-hub/*"
    error_message = "The hub must not assume any other role."
  }
}

run "keeps_its_tables_recoverable_and_lets_work_records_expire" {
  command = plan

  assert {
    condition     = alltrue([for table in aws_dynamodb_table.this : table.point_in_time_recovery[0].enabled && table.server_side_encryption[0].enabled])
    error_message = "Every table needs point-in-time recovery and encryption."
  }

  assert {
    condition     = one(aws_dynamodb_table.this["runs"].ttl).attribute_name == "expires_at" && length(aws_dynamodb_table.this["endpoints"].ttl) == 0
    error_message = "Records of runs expire; endpoints never do."
  }
}

run "calls_only_the_functions_it_is_given" {
  command = plan

  variables { campaign_function_arns = ["arn:aws:lambda:eu-west-1:111122223333:function:filter"] }

  assert {
    condition     = join(" ", data.aws_iam_policy_document.hooks[0].statement[0].resources) == "arn:aws:lambda:eu-west-1:111122223333:function:filter arn:aws:lambda:eu-west-1:111122223333:function:filter:*"
    error_message = "Hooks must be named."
  }
}

run "rejects_a_name_that_no_bucket_can_have" {
  command = plan

  variables { name = "Hub_1" }

  expect_failures = [var.name]
}

run "rejects_a_function_with_a_version" {
  command = plan

  variables { campaign_function_arns = ["arn:aws:lambda:eu-west-1:111122223333:function:filter:7"] }

  expect_failures = [var.campaign_function_arns]
}

run "rejects_rates_of_nothing" {
  command = plan

  variables {
    email = { from_address = "a@example.com", identity_arn = "arn:aws:ses:eu-west-1:111122223333:identity/example.com", messages_per_second = 0 }
    sms   = { messages_per_second = 0 }
    voice = { origination_identity_arn = "arn:aws:sms-voice:eu-west-1:111122223333:phone-number/phone-1", messages_per_second = 0 }
  }

  expect_failures = [var.email, var.sms, var.voice]
}

run "rejects_a_retention_that_cloudwatch_does_not_offer" {
  command = plan

  variables { log_retention_days = 31 }

  expect_failures = [var.log_retention_days]
}
