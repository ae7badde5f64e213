mock_provider "aws" {
  source = "./tests/mocks"
}

override_module {
  target = module.resources
  outputs = {
    function_name = "hub-resources"
    results       = { App = { project = { Id = "app1" } } }
  }
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

run "sends_nothing_by_default" {
  command = plan

  assert {
    condition     = length(data.aws_iam_policy_document.send) == 0
    error_message = "Without email, sms and voice there must be no permission to send."
  }

  assert {
    condition     = length([for name in keys(local.environment) : name if can(regex("^(EMAIL|SMS|VOICE)_", name))]) == 0
    error_message = "Settings that are not configured must be absent, not empty."
  }

  assert {
    condition     = length(module.resources) == 0 && output.pinpoint == null && output.project_id == null
    error_message = "Without project there is no project."
  }
}

run "sends_email_from_the_one_address" {
  command = plan

  variables {
    email = {
      from_address      = "news@example.com"
      identity_arn      = "arn:aws:ses:eu-west-1:111122223333:identity/example.com"
      configuration_set = { name = "news" }
    }
  }

  assert {
    condition = alltrue([
      length(data.aws_iam_policy_document.send[0].statement) == 1,
      one(data.aws_iam_policy_document.send[0].statement[0].condition).variable == "ses:FromAddress",
      join(" ", one(data.aws_iam_policy_document.send[0].statement[0].condition).values) == "news@example.com",
      data.aws_iam_policy_document.send[0].statement[0].resources == toset([
        "arn:aws:ses:eu-west-1:111122223333:configuration-set/news",
        "arn:aws:ses:eu-west-1:111122223333:identity/example.com",
      ]),
    ])
    error_message = "Email must go from the configured address, identity and configuration set only."
  }

  assert {
    condition     = keys(aws_sns_topic_subscription.delivery) == ["email"] && one(aws_sesv2_configuration_set_event_destination.this).configuration_set_name == "news"
    error_message = "Delivery events of the configuration set must reach the hub."
  }
}

run "asks_for_events_of_texts_when_there_is_a_configuration_set" {
  command = plan

  variables {
    sms = {
      origination_identity_arn = "arn:aws:sms-voice:eu-west-1:111122223333:phone-number/phone-1"
      configuration_set        = { name = "texts" }
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

run "sends_texts_from_every_identity_that_is_named" {
  command = plan

  variables {
    sms = {
      origination_identity_arn = "arn:aws:sms-voice:eu-west-1:111122223333:pool/pool-1"
      other_origination_identity_arns = [
        "arn:aws:sms-voice:eu-west-1:111122223333:phone-number/phone-1",
        "arn:aws:sms-voice:eu-west-1:111122223333:sender-id/Shop/DE",
      ]
    }
  }

  assert {
    condition = data.aws_iam_policy_document.send[0].statement[0].resources == toset([
      "arn:aws:sms-voice:eu-west-1:111122223333:phone-number/phone-1",
      "arn:aws:sms-voice:eu-west-1:111122223333:pool/pool-1",
      "arn:aws:sms-voice:eu-west-1:111122223333:sender-id/Shop/DE",
    ])
    error_message = "Texts must go from the named identities only."
  }

  assert {
    condition = alltrue([
      length(data.aws_iam_policy_document.send[0].statement) == 1,
      local.environment.SMS_ORIGINATION_IDENTITY == "arn:aws:sms-voice:eu-west-1:111122223333:pool/pool-1",
      length(aws_sns_topic_subscription.delivery) == 0,
    ])
    error_message = "The first identity must be the default, and without a configuration set there are no delivery events."
  }
}

run "creates_the_first_project" {
  command = apply

  variables { project = { name = "news" } }

  assert {
    condition = output.project_id == "app1" && output.pinpoint == {
      project_id = "app1"
      api = {
        url           = "https://mock.execute-api.eu-west-1.amazonaws.com"
        execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:mock"
      }
    }
    error_message = "Other modules must get the project that was created, and the API."
  }
}

run "assumes_roles_under_its_path_only" {
  command = plan

  assert {
    condition     = join(" ", data.aws_iam_policy_document.customer_roles.statement[0].resources) == "arn:aws:iam::111122223333:role/engagement-hub/*"
    error_message = "The hub must not assume any other role."
  }

  assert {
    condition     = local.role_path == "/engagement-hub-functions/"
    error_message = "Data roles of other modules trust the roles under this path."
  }
}

run "keeps_its_tables_recoverable_and_lets_work_records_expire" {
  command = plan

  assert {
    condition     = alltrue([for table in aws_dynamodb_table.this : table.point_in_time_recovery[0].enabled && table.server_side_encryption[0].enabled])
    error_message = "Every table needs point-in-time recovery and encryption."
  }

  assert {
    condition     = alltrue([for name in ["entities", "runs"] : one(aws_dynamodb_table.this[name].ttl).attribute_name == "expires_at"]) && length(aws_dynamodb_table.this["endpoints"].ttl) == 0
    error_message = "Records of runs and removed campaigns expire; endpoints never do."
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

run "an_api_that_fails_wakes_a_person" {
  command = plan

  variables { alarm = { topic_arn = "arn:aws:sns:eu-west-1:111122223333:operators" } }

  assert {
    condition = alltrue([
      aws_cloudwatch_metric_alarm.server_errors.namespace == "AWS/ApiGateway",
      aws_cloudwatch_metric_alarm.server_errors.metric_name == "5xx",
      join(" ", aws_cloudwatch_metric_alarm.server_errors.alarm_actions) == "arn:aws:sns:eu-west-1:111122223333:operators",
    ])
    error_message = "No queue and no state machine shows that every request fails."
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
    sms   = { origination_identity_arn = "arn:aws:sms-voice:eu-west-1:111122223333:phone-number/phone-1", messages_per_second = 0 }
    voice = { origination_identity_arn = "arn:aws:sms-voice:eu-west-1:111122223333:phone-number/phone-1", messages_per_second = 0 }
  }

  expect_failures = [var.email, var.sms, var.voice]
}

run "rejects_a_number_in_place_of_its_arn" {
  command = plan

  variables { sms = { origination_identity_arn = "+14255550100" } }

  expect_failures = [var.sms]
}

run "rejects_another_identity_that_sends_no_texts" {
  command = plan

  variables {
    sms = {
      origination_identity_arn        = "arn:aws:sms-voice:eu-west-1:111122223333:phone-number/phone-1"
      other_origination_identity_arns = ["arn:aws:sms-voice:eu-west-1:111122223333:configuration-set/texts"]
    }
  }

  expect_failures = [var.sms]
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
