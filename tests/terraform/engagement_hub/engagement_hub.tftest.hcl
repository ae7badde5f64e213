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
    condition     = keys(aws_sns_topic_subscription.delivery) == ["email"] && aws_sesv2_configuration_set_event_destination.this["default"].configuration_set_name == "news"
    error_message = "Delivery events of the configuration set must reach the hub."
  }
}

run "sends_email_from_the_senders_of_its_projects" {
  command = plan

  variables {
    email = {
      from_address      = "Müller, News <News@example.com>"
      identity_arn      = "arn:aws:ses:eu-west-1:111122223333:identity/example.com"
      configuration_set = { name = "news" }
      other_senders = {
        shop = { from_address = "shop@shop.example", identity_arn = "arn:aws:ses:eu-west-1:111122223333:identity/shop.example" }
        help = { from_address = "help@shop.example", identity_arn = "arn:aws:ses:eu-west-1:111122223333:identity/shop.example" }
      }
      other_configuration_sets = { shop = { name = "shop" } }
    }
  }

  assert {
    condition = alltrue([
      one(data.aws_iam_policy_document.send[0].statement[0].condition).test == "StringEqualsIgnoreCase",
      toset(one(data.aws_iam_policy_document.send[0].statement[0].condition).values) == toset(["News@example.com", "help@shop.example", "shop@shop.example"]),
      data.aws_iam_policy_document.send[0].statement[0].resources == toset([
        "arn:aws:ses:eu-west-1:111122223333:configuration-set/news",
        "arn:aws:ses:eu-west-1:111122223333:configuration-set/shop",
        "arn:aws:ses:eu-west-1:111122223333:identity/example.com",
        "arn:aws:ses:eu-west-1:111122223333:identity/shop.example",
      ]),
    ])
    error_message = "Email must go from the named addresses, identities and configuration sets only; SES compares addresses without names."
  }

  assert {
    condition = alltrue([
      toset(split(",", local.environment.EMAIL_ADDRESSES)) == toset(["News@example.com", "help@shop.example", "shop@shop.example"]),
      local.environment.EMAIL_FROM_ADDRESS == "Müller, News <News@example.com>",
      toset(split(",", local.environment.EMAIL_CONFIGURATION_SETS)) == toset(["news", "shop"]),
    ])
    error_message = "The API must know which senders a project may name."
  }

  assert {
    condition     = { for key, destination in aws_sesv2_configuration_set_event_destination.this : key => destination.configuration_set_name } == { default = "news", "other/shop" = "shop" }
    error_message = "Delivery events of every configuration set must reach the hub."
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

run "hands_nothing_on_to_aws_by_default" {
  command = plan

  assert {
    condition     = length(data.aws_iam_policy_document.forward) == 0
    error_message = "Without forward the API must have no permission for Amazon Pinpoint."
  }
}

run "hands_on_the_operations_that_are_named_and_no_other" {
  command = plan

  variables {
    forward         = ["GetGcmChannel", "PhoneNumberValidate", "UpdateGcmChannel", "TagResource"]
    forward_project = { id = "0123456789abcdef0123456789abcdef" }
  }

  assert {
    condition = { for statement in data.aws_iam_policy_document.forward[0].statement : statement.sid => [statement.actions, statement.resources] } == {
      ForwardApps = [toset(["mobiletargeting:TagResource"]), toset(["arn:aws:mobiletargeting:eu-west-1:111122223333:apps/0123456789abcdef0123456789abcdef"])]
      ForwardAppsChannelsGcm = [
        toset(["mobiletargeting:GetGcmChannel", "mobiletargeting:UpdateGcmChannel"]),
        toset(["arn:aws:mobiletargeting:eu-west-1:111122223333:apps/0123456789abcdef0123456789abcdef/channels/gcm"]),
      ]
      ForwardPhoneNumberValidate = [toset(["mobiletargeting:PhoneNumberValidate"]), toset(["arn:aws:mobiletargeting:eu-west-1:111122223333:phone/number/validate"])]
    }
    error_message = "The API's role must have exactly the permissions of the operations that forward names."
  }
}

run "rejects_an_operation_that_aws_does_not_answer" {
  command = plan

  variables { forward = ["CreateCampaign"] }

  expect_failures = [var.forward]
}

run "rejects_operations_about_a_project_without_one" {
  command = plan

  variables { forward = ["SendOTPMessage"] }

  expect_failures = [var.forward]
}

run "rejects_a_project_that_is_none_of_amazon_pinpoint" {
  command = plan

  variables { forward_project = { id = "app1" } }

  expect_failures = [var.forward_project]
}

run "rejects_more_operations_and_senders_than_the_environment_holds" {
  command = plan

  variables {
    forward         = flatten([for verb in ["Delete", "Get", "Update"] : [for channel in ["Adm", "Apns", "ApnsSandbox", "ApnsVoip", "ApnsVoipSandbox", "Baidu", "Gcm"] : "${verb}${channel}Channel"]])
    forward_project = { id = "0123456789abcdef0123456789abcdef" }
    email = {
      from_address  = "news@example.com"
      identity_arn  = "arn:aws:ses:eu-west-1:111122223333:identity/example.com"
      other_senders = { for n in range(20) : n => { from_address = "an-address-of-very-many-letters-that-has-a-number-${n}@a-shop.example", identity_arn = "arn:aws:ses:eu-west-1:111122223333:identity/a" } }
    }
  }

  expect_failures = [var.forward]
}

run "rejects_more_hooks_than_a_role_can_name" {
  command = plan

  variables {
    campaign_function_arns = [for n in range(40) : "arn:aws:lambda:eu-west-1:111122223333:function:a-hook-of-some-length-${n}"]
  }

  expect_failures = [var.campaign_function_arns]
}

run "rejects_more_identities_than_a_role_can_name" {
  command = plan

  variables {
    sms = {
      origination_identity_arn        = "arn:aws:sms-voice:eu-west-1:111122223333:pool/pool-1"
      other_origination_identity_arns = [for n in range(40) : "arn:aws:sms-voice:eu-west-1:111122223333:phone-number/phone-${n}"]
    }
  }

  expect_failures = [var.sms]
}

run "rejects_a_concurrency_of_imports_that_is_no_number_of_functions" {
  command = plan

  variables { import_concurrency = 0.5 }

  expect_failures = [var.import_concurrency]
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
      local.environment.SMS_SENDER_IDS == "Shop",
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

run "keeps_events_that_a_stream_refuses_and_tells_the_operator" {
  command = plan

  assert {
    condition     = one(data.aws_iam_policy_document.undelivered_events.statement[0].actions) == "s3:PutObject" && endswith(one(data.aws_iam_policy_document.undelivered_events.statement[0].resources), "/undelivered-events/*")
    error_message = "The API must be able to write refused events, and no other object."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.undelivered_events.dimensions.Hub == local.environment.HUB_NAME
    error_message = "The alarm must watch the events of every function of the hub."
  }
}

run "an_execution_that_ends_abnormally_is_closed" {
  command = plan

  assert {
    condition = alltrue([
      jsondecode(aws_cloudwatch_event_rule.ended.event_pattern).source == ["aws.states"],
      jsondecode(aws_cloudwatch_event_rule.ended.event_pattern).detail.status == ["ABORTED", "FAILED", "TIMED_OUT"],
      length(setsubtract(values(local.state_machine_arns), jsondecode(aws_cloudwatch_event_rule.ended.event_pattern).detail.stateMachineArn)) == 0,
    ])
    error_message = "The rule must match abnormal ends of the four state machines."
  }

  assert {
    condition     = length(data.aws_iam_policy_document.close_ended.statement) == 3 && alltrue([for arn in data.aws_iam_policy_document.close_ended.statement[0].resources : can(regex(":execution:hub-(campaign|export|import|journey):\\*$", arn))])
    error_message = "The function must describe executions of the hub's state machines only."
  }

  assert {
    condition     = length(setsubtract(["dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:GetItem", "dynamodb:PutItem"], data.aws_iam_policy_document.close_ended.statement[1].actions)) == 0
    error_message = "The function must read and write campaigns whose content is kept in parts."
  }
}

run "journeys_keep_participants_in_a_table_of_their_own" {
  command = plan

  assert {
    condition = alltrue([
      aws_dynamodb_table.journeys.name == "hub-journeys",
      aws_dynamodb_table.journeys.billing_mode == "PAY_PER_REQUEST",
      one(aws_dynamodb_table.journeys.point_in_time_recovery).enabled,
      one(aws_dynamodb_table.journeys.server_side_encryption).enabled,
      one(aws_dynamodb_table.journeys.ttl).attribute_name == "expires_at",
      output.table_names.journeys == "hub-journeys",
    ])
    error_message = "The table must be kept and encrypted as the other tables are."
  }

  assert {
    condition = alltrue([
      for index in aws_dynamodb_table.journeys.global_secondary_index :
      index.name == "due" && index.hash_key == "due_bucket" && index.projection_type == "KEYS_ONLY"
    ]) && length(aws_dynamodb_table.journeys.global_secondary_index) == 1
    error_message = "One index finds participants whose wait is over."
  }
}

run "journeys_are_moved_on_by_one_role_and_started_by_few" {
  command = plan

  assert {
    condition = alltrue([
      local.state_machine_arns.journey == join(" ", data.aws_iam_policy_document.journey_start.statement[0].resources),
      join(" ", data.aws_iam_policy_document.journey_start.statement[0].actions) == "states:StartExecution",
      one(data.aws_iam_policy_document.journey_schedules.statement[0].actions) == "scheduler:CreateSchedule",
      endswith(one(data.aws_iam_policy_document.journey_schedules.statement[0].resources), ":schedule/hub/*"),
      one(data.aws_iam_policy_document.journey_schedules.statement[1].condition).variable == "iam:PassedToService",
    ])
    error_message = "Work of journeys is started and scheduled, and nothing else."
  }

  assert {
    condition = alltrue([
      one(data.aws_iam_policy_document.journey_metrics.statement[0].actions) == "dynamodb:Query",
      length(data.aws_iam_policy_document.journeys.statement) == 2,
    ])
    error_message = "The API reads metrics, and no step of a journey."
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

run "calls_the_functions_of_recommenders_that_it_is_given" {
  command = plan

  variables { recommender_function_arns = ["arn:aws:lambda:eu-west-1:111122223333:function:describe"] }

  assert {
    condition = alltrue([
      join(" ", data.aws_iam_policy_document.recommenders[0].statement[0].resources) == "arn:aws:lambda:eu-west-1:111122223333:function:describe arn:aws:lambda:eu-west-1:111122223333:function:describe:*",
      length(data.aws_iam_policy_document.hooks) == 0,
    ])
    error_message = "The API and campaigns must be allowed to invoke the named function, and its versions, only."
  }
}

run "rejects_more_functions_of_recommenders_than_a_role_can_name" {
  command = plan

  variables {
    recommender_function_arns = [for n in range(40) : "arn:aws:lambda:eu-west-1:111122223333:function:a-function-of-some-length-${n}"]
  }

  expect_failures = [var.recommender_function_arns]
}

run "rejects_the_version_of_a_function_of_a_recommender" {
  command = plan

  variables { recommender_function_arns = ["arn:aws:lambda:eu-west-1:111122223333:function:describe:7"] }

  expect_failures = [var.recommender_function_arns]
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

run "rejects_an_address_that_ses_cannot_send_from" {
  command = plan

  variables {
    email = { from_address = "news@münchen.example", identity_arn = "arn:aws:ses:eu-west-1:111122223333:identity/example.com" }
  }

  expect_failures = [var.email]
}

run "rejects_a_sender_that_is_no_mailbox" {
  command = plan

  variables {
    email = {
      from_address  = "news@example.com"
      identity_arn  = "arn:aws:ses:eu-west-1:111122223333:identity/example.com"
      other_senders = { shop = { from_address = "Shop <shop@example.com", identity_arn = "arn:aws:ses:eu-west-1:111122223333:identity/example.com" } }
    }
  }

  expect_failures = [var.email]
}

run "rejects_more_senders_than_an_environment_holds" {
  command = plan

  variables {
    email = {
      from_address  = "news@example.com"
      identity_arn  = "arn:aws:ses:eu-west-1:111122223333:identity/example.com"
      other_senders = { for number in range(21) : "s${number}" => { from_address = "s${number}@example.com", identity_arn = "arn:aws:ses:eu-west-1:111122223333:identity/example.com" } }
    }
  }

  expect_failures = [var.email]
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

run "announces_no_changes_by_default" {
  command = plan

  assert {
    condition     = output.entity_events == null && length(aws_lambda_event_source_mapping.entity_events) == 0 && !aws_dynamodb_table.this["entities"].stream_enabled
    error_message = "Without entity_events there must be no stream and no function for it."
  }
}

run "announces_changes_of_entities_on_the_given_bus" {
  command = apply

  variables {
    entity_events = { event_bus_name = "engagement" }
  }

  assert {
    condition     = [for key, table in aws_dynamodb_table.this : key if table.stream_enabled] == ["entities"]
    error_message = "Only the table of entities needs a stream."
  }

  assert {
    condition     = output.entity_events == { event_bus_name = "engagement", source = "engagement_hub", detail_type = "Entity Changed" }
    error_message = "Rules need the bus, the source and the detail type."
  }

  assert {
    condition     = contains(keys(output.dead_letter_queue_urls), "entity_events")
    error_message = "Changes that could not be announced must be kept."
  }

  assert {
    condition = alltrue([
      aws_lambda_event_source_mapping.entity_events[0].maximum_retry_attempts == -1,
      aws_lambda_event_source_mapping.entity_events[0].maximum_record_age_in_seconds == 82800,
      contains(aws_lambda_event_source_mapping.entity_events[0].function_response_types, "ReportBatchItemFailures"),
      length(aws_lambda_event_source_mapping.entity_events[0].destination_config[0].on_failure) == 1,
    ])
    error_message = "A change must be tried again for as long as the stream keeps it, and then be kept as a position."
  }

  assert {
    condition = flatten([for statement in data.aws_iam_policy_document.announce_changes[0].statement : sort(statement.actions)]) == [
      "dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator",
      "dynamodb:ListStreams",
      "events:PutEvents",
      "sqs:SendMessage",
    ]
    error_message = "The function must read the stream of changes, and no table."
  }

  assert {
    condition     = [for statement in data.aws_iam_policy_document.announce_changes[0].statement : one(statement.resources) if statement.sid == "AnnounceChanges"] == ["arn:aws:events:eu-west-1:111122223333:event-bus/engagement"]
    error_message = "The function must put events on one bus only."
  }
}

run "rejects_the_arn_of_a_bus" {
  command = plan

  variables {
    entity_events = { event_bus_name = "arn:aws:events:eu-west-1:111122223333:event-bus/engagement" }
  }

  expect_failures = [var.entity_events]
}
