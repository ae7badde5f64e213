mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name          = "calls"
  campaign_role = { arn = "arn:aws:iam::111122223333:role/engagement-hub-functions/people-campaign" }
  pinpoint = {
    project_id = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
    api        = { url = "https://h1.execute-api.eu-west-1.amazonaws.com", execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:h1" }
  }
  channel = {
    connect = {
      instance_id         = "11111111-2222-3333-4444-555555555555"
      contact_flow_id     = "66666666-7777-8888-9999-000000000000"
      source_phone_number = "+12065550100"
    }
  }
}

run "calls_at_the_default_rate_of_connect_in_daytime" {
  command = plan

  assert {
    condition = alltrue([
      local.channel.rate == 2,
      jsondecode(local.channel.settings) == {
        instance_id         = "11111111-2222-3333-4444-555555555555"
        contact_flow_id     = "66666666-7777-8888-9999-000000000000"
        source_phone_number = "+12065550100"
      },
      "${var.calling_hours.opens}-${var.calling_hours.closes}" == "09:00-20:00",
      length(var.calling_hours.days) == 7,
      var.max_age_hours == 24,
    ])
    error_message = "Two calls a second is the default quota of Connect, and no customer is called at night."
  }

  assert {
    condition = alltrue([
      aws_lambda_event_source_mapping.endpoints.batch_size == 10,
      one(aws_lambda_event_source_mapping.endpoints.scaling_config).maximum_concurrency == 2,
      tolist(aws_lambda_event_source_mapping.endpoints.function_response_types) == tolist(["ReportBatchItemFailures"]),
    ])
    error_message = "More invocations would only wait for each other's pace."
  }
}

run "starts_calls_of_one_instance_and_sends_nothing_else" {
  command = apply

  assert {
    condition = alltrue([
      one(data.aws_iam_policy_document.connect[0].statement[0].actions) == "connect:StartOutboundVoiceContact",
      one(data.aws_iam_policy_document.connect[0].statement[0].resources) == "arn:aws:connect:eu-west-1:111122223333:instance/11111111-2222-3333-4444-555555555555/contact/*",
      length(data.aws_iam_policy_document.whatsapp) == 0,
    ])
    error_message = "The function may call from this instance only."
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.queue.statement : one(statement.resources) == module.intake.queue_arn
    ])
    error_message = "The function reads its own queue and no other."
  }

  assert {
    condition     = output.dead_letter_queue_urls == { endpoints = module.intake.dead_letter_queue_url } && output.delivery_uri != null
    error_message = "A campaign needs the function, an operator the queue."
  }
}

run "encrypts_the_claims_with_the_key" {
  command = plan

  variables { kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/k" } }

  assert {
    condition     = one(aws_dynamodb_table.contacts.server_side_encryption).kms_key_arn == "arn:aws:kms:eu-west-1:111122223333:key/k"
    error_message = "With a key the table must use it."
  }
}

run "sends_whatsapp_messages_by_one_number" {
  command = apply

  variables {
    channel = {
      whatsapp = {
        phone_number_arn = "arn:aws:social-messaging:eu-west-1:111122223333:phone-number-id/0a1b"
        template         = { name = "spring", language = "en" }
      }
    }
    calling_hours = null
  }

  assert {
    condition = alltrue([
      jsondecode(local.channel.settings) == {
        phone_number_id  = "arn:aws:social-messaging:eu-west-1:111122223333:phone-number-id/0a1b"
        meta_api_version = "v20.0"
        template         = "spring"
        language         = "en"
      },
      one(data.aws_iam_policy_document.whatsapp[0].statement[0].resources) == "arn:aws:social-messaging:eu-west-1:111122223333:phone-number-id/0a1b",
      length(data.aws_iam_policy_document.connect) == 0,
      one(aws_lambda_event_source_mapping.endpoints.scaling_config).maximum_concurrency == 5,
    ])
    error_message = "The function may write by this number only."
  }
}

run "takes_a_channel_of_the_callers_own_with_its_policy" {
  command = apply

  variables {
    channel = {
      other = {
        name                = "letters"
        contacts_per_second = 0.5
        settings            = { queue_url = "https://letters" }
        policy              = { json = "{}" }
      }
    }
  }

  assert {
    condition = alltrue([
      local.channel.name == "letters",
      jsondecode(local.channel.settings) == { queue_url = "https://letters" },
      aws_lambda_event_source_mapping.endpoints.batch_size == 5,
    ])
    error_message = "A third channel needs its settings, and batches of ten seconds' work."
  }
}

run "takes_a_project_of_amazon_pinpoint" {
  command = apply

  variables {
    campaign_role = null
    pinpoint      = { project_id = "a1b2c3d4e5f60718293a4b5c6d7e8f90" }
  }

  assert {
    condition     = output.intake_function_name == "calls-intake"
    error_message = "Amazon Pinpoint calls the function without a role."
  }
}

run "tells_of_failures_that_a_person_must_cure" {
  command = plan

  variables { alarm = { topic_arn = "arn:aws:sns:eu-west-1:111122223333:alarms" } }

  assert {
    condition     = one(aws_cloudwatch_metric_alarm.failing.alarm_actions) == "arn:aws:sns:eu-west-1:111122223333:alarms"
    error_message = "A wrong setting fails each contact by itself."
  }
}

run "rejects_no_channel" {
  command = plan

  variables { channel = {} }

  expect_failures = [var.channel]
}

run "rejects_two_channels" {
  command = plan

  variables {
    channel = {
      other    = { name = "letters", contacts_per_second = 1 }
      whatsapp = { phone_number_arn = "arn:aws:social-messaging:eu-west-1:111122223333:phone-number-id/0a1b" }
    }
  }

  expect_failures = [var.channel]
}

run "rejects_an_instance_by_its_arn" {
  command = plan

  variables {
    channel = {
      connect = {
        instance_id         = "arn:aws:connect:eu-west-1:111122223333:instance/11111111-2222-3333-4444-555555555555"
        contact_flow_id     = "66666666-7777-8888-9999-000000000000"
        source_phone_number = "+12065550100"
      }
    }
  }

  expect_failures = [var.channel]
}

run "rejects_calls_without_a_number" {
  command = plan

  variables {
    channel = {
      connect = {
        instance_id     = "11111111-2222-3333-4444-555555555555"
        contact_flow_id = "66666666-7777-8888-9999-000000000000"
      }
    }
  }

  expect_failures = [var.channel]
}

run "rejects_a_number_that_is_not_international" {
  command = plan

  variables {
    channel = {
      connect = {
        instance_id         = "11111111-2222-3333-4444-555555555555"
        contact_flow_id     = "66666666-7777-8888-9999-000000000000"
        source_phone_number = "206 555 0100"
      }
    }
  }

  expect_failures = [var.channel]
}

run "rejects_a_ring_timeout_that_connect_does_not_have" {
  command = plan

  variables {
    channel = {
      connect = {
        instance_id          = "11111111-2222-3333-4444-555555555555"
        contact_flow_id      = "66666666-7777-8888-9999-000000000000"
        source_phone_number  = "+12065550100"
        ring_timeout_seconds = 10
      }
    }
  }

  expect_failures = [var.channel]
}

run "rejects_a_pace_of_nothing" {
  command = plan

  variables { channel = { other = { name = "letters", contacts_per_second = 0 } } }

  expect_failures = [var.channel]
}

run "rejects_a_channel_that_has_the_name_of_another" {
  command = plan

  variables { channel = { other = { name = "connect", contacts_per_second = 1 } } }

  expect_failures = [var.channel]
}

run "rejects_settings_that_no_environment_holds" {
  command = plan

  variables {
    channel = {
      other = {
        name                = "letters"
        contacts_per_second = 1
        settings            = { greeting = join("", [for _ in range(1000) : "aaa"]) }
      }
    }
  }

  expect_failures = [var.channel]
}

run "rejects_a_whatsapp_number_by_its_digits" {
  command = plan

  variables { channel = { whatsapp = { phone_number_arn = "+12065550100" } } }

  expect_failures = [var.channel]
}

run "rejects_an_api_version_without_a_v" {
  command = plan

  variables {
    channel = {
      whatsapp = {
        phone_number_arn = "arn:aws:social-messaging:eu-west-1:111122223333:phone-number-id/0a1b"
        meta_api_version = "20"
      }
    }
  }

  expect_failures = [var.channel]
}

run "rejects_hours_that_never_open" {
  command = plan

  variables { calling_hours = { opens = "09:00", closes = "09:00" } }

  expect_failures = [var.calling_hours]
}

run "rejects_a_time_of_day_that_no_clock_shows" {
  command = plan

  variables { calling_hours = { closes = "24:00" } }

  expect_failures = [var.calling_hours]
}

run "rejects_hours_of_no_day" {
  command = plan

  variables { calling_hours = { days = [] } }

  expect_failures = [var.calling_hours]
}

run "rejects_a_day_by_another_name" {
  command = plan

  variables { calling_hours = { days = ["Monday"] } }

  expect_failures = [var.calling_hours]
}

run "rejects_a_zone_by_its_offset" {
  command = plan

  variables { calling_hours = { default_time_zone = "+01:00" } }

  expect_failures = [var.calling_hours]
}

run "rejects_a_maximum_age_beyond_the_token_of_a_call" {
  command = plan

  variables { max_age_hours = 168 }

  expect_failures = [var.max_age_hours]
}

run "rejects_a_name_that_no_bucket_can_have" {
  command = plan

  variables { name = "Calls" }

  expect_failures = [var.name]
}
