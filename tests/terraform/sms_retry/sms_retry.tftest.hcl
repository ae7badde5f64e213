mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name                      = "news-retry"
  configuration_set         = { name = "texts" }
  event_stream              = { stream_arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/news" }
  origination_identity_arns = ["arn:aws:sms-voice:eu-west-1:111122223333:phone-number/phone-1"]
  pinpoint                  = { project_id = "0123456789abcdef0123456789abcdef" }
}

run "subscribes_to_the_stream_for_failures_and_arrivals_of_texts_and_for_nothing_else" {
  command = plan

  assert {
    condition     = jsondecode(module.stream[0].mapping.filter_pattern) == { data = { event_type = ["_SMS.FAILURE", "_SMS.SUCCESS"] } }
    error_message = "Every other event of the stream would cost an invocation."
  }

  assert {
    condition     = length(module.event_destination) == 0 && length(module.sms_topic) == 0 && length(module.events) == 0
    error_message = "With a stream there is no second source of events."
  }
}

run "retries_four_failures_three_times_within_a_day" {
  command = apply

  assert {
    condition = jsondecode(local.environment.POLICY) == {
      statuses        = ["CARRIER_UNREACHABLE", "TTL_EXPIRED", "UNKNOWN", "UNREACHABLE"]
      delays_seconds  = [300, 1800, 7200]
      max_age_seconds = 86400
    }
    error_message = "Retries must wait longer each time, and end."
  }

  assert {
    condition     = output.dead_letter_queue_urls == { events = module.stream[0].dead_letter_queue_url, retries = module.retries.dead_letter_queue_url }
    error_message = "An operator needs the queues to redrive."
  }
}

run "sends_from_the_given_identities_with_one_configuration_set" {
  command = apply

  assert {
    condition = one([for one in data.aws_iam_policy_document.send.statement : one.resources if contains(one.actions, "sms-voice:SendTextMessage")]) == toset([
      "arn:aws:sms-voice:eu-west-1:111122223333:phone-number/phone-1", local.configuration_set_arn,
    ])
    error_message = "The function must send from no other number."
  }

  assert {
    condition     = alltrue([for one in flatten([data.aws_iam_policy_document.send.statement, data.aws_iam_policy_document.schedule.statement, data.aws_iam_policy_document.end_chains.statement]) : !contains(one.resources, "*")])
    error_message = "No permission is on all resources."
  }

  assert {
    condition     = alltrue([for one in concat(data.aws_iam_policy_document.schedule.statement, data.aws_iam_policy_document.end_chains.statement) : !contains(one.actions, "dynamodb:GetItem")])
    error_message = "The function that reads events must read no text."
  }

  assert {
    condition     = data.aws_iam_policy_document.remember.statement[0].actions == toset(["dynamodb:PutItem"]) && length(data.aws_iam_policy_document.remember.statement) == 1
    error_message = "A program that remembers texts must not read them."
  }
}

run "expires_and_encrypts_texts_and_states" {
  command = plan

  variables { kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/k" } }

  assert {
    condition = alltrue(flatten([for table in aws_dynamodb_table.this : [
      table.ttl[0].enabled, table.ttl[0].attribute_name == "expires_at", table.server_side_encryption[0].enabled,
      table.server_side_encryption[0].kms_key_arn == "arn:aws:kms:eu-west-1:111122223333:key/k",
    ]]))
    error_message = "Texts must be encrypted with the customer's key and expire."
  }

  assert {
    condition     = one([for one in data.aws_iam_policy_document.remember.statement : one.actions if one.sid == "EncryptTexts"]) == toset(["kms:Decrypt", "kms:GenerateDataKey"])
    error_message = "A program must be able to write an encrypted text."
  }
}

run "sends_ten_at_a_time_from_two_batches_and_returns_single_failures" {
  command = plan

  assert {
    condition = alltrue([
      aws_lambda_event_source_mapping.retries.batch_size == 10,
      aws_lambda_event_source_mapping.retries.function_response_types == toset(["ReportBatchItemFailures"]),
      aws_lambda_event_source_mapping.retries.scaling_config[0].maximum_concurrency == 2,
    ])
    error_message = "A failed retry must not repeat its batch."
  }
}

run "reads_the_events_of_the_configuration_set_without_a_stream_and_without_a_project" {
  command = plan

  variables {
    event_stream = null
    pinpoint     = null
  }

  assert {
    condition     = length(module.stream) == 0 && length(module.access) == 0 && !contains(keys(local.environment), "PROJECT_ID")
    error_message = "Nothing of a project is needed."
  }

  assert {
    condition = alltrue([
      aws_sns_topic_subscription.events[0].protocol == "sqs",
      aws_lambda_event_source_mapping.events[0].function_response_types == toset(["ReportBatchItemFailures"]),
      contains(local.sms_event_types, "TEXT_UNREACHABLE"),
      contains(local.sms_event_types, "TEXT_DELIVERED"),
      !contains(local.sms_event_types, "TEXT_QUEUED"),
    ])
    error_message = "Failures and arrivals come through a topic and a queue."
  }

  assert {
    condition     = sort(keys(output.dead_letter_queue_urls)) == tolist(["events", "retries", "undelivered"])
    error_message = "Events that the topic cannot deliver must be kept."
  }
}

run "takes_retries_within_seconds_and_none_in_between" {
  command = plan

  variables { retry = { delays_seconds = [0, 1], max_age_seconds = 60, statuses = ["UNREACHABLE"] } }

  assert {
    condition     = jsondecode(local.environment.POLICY).delays_seconds == [0, 1]
    error_message = "A one-time password is retried at once or never."
  }
}

run "publishes_final_failures_to_subscribers" {
  command = plan

  variables { subscriptions = { desk = { protocol = "email", endpoint = "desk@example.com" } } }

  assert {
    condition     = output.final_failure_topic_arn == module.topic.topic_arn
    error_message = "Final failures must have a topic."
  }
}

run "rejects_to_retry_a_blocked_number" {
  command = plan

  variables { retry = { statuses = ["UNREACHABLE", "BLOCKED"] } }

  expect_failures = [var.retry]
}

run "rejects_to_retry_an_opted_out_number" {
  command = plan

  variables { retry = { statuses = ["OPTED_OUT"] } }

  expect_failures = [var.retry]
}

run "rejects_no_status" {
  command = plan

  variables { retry = { statuses = [] } }

  expect_failures = [var.retry]
}

run "rejects_no_retry" {
  command = plan

  variables { retry = { delays_seconds = [] } }

  expect_failures = [var.retry]
}

run "rejects_more_than_ten_retries" {
  command = plan

  variables { retry = { delays_seconds = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1] } }

  expect_failures = [var.retry]
}

run "rejects_a_wait_below_zero" {
  command = plan

  variables { retry = { delays_seconds = [-1] } }

  expect_failures = [var.retry]
}

run "rejects_half_a_second" {
  command = plan

  variables { retry = { delays_seconds = [0.5] } }

  expect_failures = [var.retry]
}

run "rejects_a_wait_of_more_than_a_day" {
  command = plan

  variables { retry = { delays_seconds = [86401], max_age_seconds = 604800 } }

  expect_failures = [var.retry]
}

run "rejects_waits_that_end_after_the_age" {
  command = plan

  variables { retry = { delays_seconds = [300, 1800], max_age_seconds = 600 } }

  expect_failures = [var.retry]
}

run "rejects_an_age_below_a_minute" {
  command = plan

  variables { retry = { delays_seconds = [0], max_age_seconds = 30 } }

  expect_failures = [var.retry]
}

run "rejects_an_age_above_a_week" {
  command = plan

  variables { retry = { max_age_seconds = 604801 } }

  expect_failures = [var.retry]
}

run "rejects_no_origination_identity" {
  command = plan

  variables { origination_identity_arns = [] }

  expect_failures = [var.origination_identity_arns]
}

run "rejects_a_pool" {
  command = plan

  variables { origination_identity_arns = ["arn:aws:sms-voice:eu-west-1:111122223333:pool/pool-1"] }

  expect_failures = [var.origination_identity_arns]
}

run "rejects_a_number_in_place_of_an_arn" {
  command = plan

  variables { origination_identity_arns = ["+12065550142"] }

  expect_failures = [var.origination_identity_arns]
}

run "rejects_the_arn_of_a_configuration_set" {
  command = plan

  variables { configuration_set = { name = "arn:aws:sms-voice:eu-west-1:111122223333:configuration-set/texts" } }

  expect_failures = [var.configuration_set]
}

run "rejects_a_stream_that_is_none_of_kinesis" {
  command = plan

  variables { event_stream = { stream_arn = "arn:aws:firehose:eu-west-1:111122223333:deliverystream/news" } }

  expect_failures = [var.event_stream]
}

run "rejects_one_batch_at_a_time" {
  command = plan

  variables { concurrency = 1 }

  expect_failures = [var.concurrency]
}

run "rejects_a_name_that_is_too_long" {
  command = plan

  variables { name = "a-name-that-is-too-long-for-us" }

  expect_failures = [var.name]
}

run "rejects_a_protocol_that_is_not_offered" {
  command = plan

  variables { subscriptions = { desk = { protocol = "sms", endpoint = "+12065550142" } } }

  expect_failures = [var.subscriptions]
}

run "rejects_a_notification_that_is_not_published" {
  command = plan

  variables { subscriptions = { desk = { protocol = "email", endpoint = "desk@example.com", notification_types = ["success"] } } }

  expect_failures = [var.subscriptions]
}
