mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name = "greet"
  pinpoint = {
    project_id = "app1"
    api = {
      url           = "https://abc.execute-api.eu-west-1.amazonaws.com"
      execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:abc"
    }
  }
}

run "sends_transactional_sms_unless_told" {
  command = apply

  assert {
    condition     = local.environment.MESSAGE_TYPE == "TRANSACTIONAL" && !contains(keys(local.environment), "SENDER_ID")
    error_message = "The reference architecture's message type must be the default, and nothing else be set."
  }

  assert {
    condition     = output.topic_arn != null && output.state_machine_arn != null
    error_message = "The topic must be an output: it is the feature."
  }
}

run "uses_the_origination_it_is_told" {
  command = plan

  variables {
    sms = { message_type = "PROMOTIONAL", origination_identity = "+14255550100", sender_id = "Shop" }
  }

  assert {
    condition = alltrue([
      local.environment.MESSAGE_TYPE == "PROMOTIONAL",
      local.environment.ORIGINATION_IDENTITY == "+14255550100",
      local.environment.SENDER_ID == "Shop",
    ])
    error_message = "The defaults of SMS campaigns must reach the function."
  }
}

run "works_for_a_project_of_amazon_pinpoint" {
  command = plan

  variables {
    pinpoint = { project_id = "app1" }
  }

  assert {
    condition     = !contains(keys(local.environment), "PINPOINT_API_URL")
    error_message = "Without a hub the functions must talk to AWS."
  }
}

run "rejects_an_unknown_message_type" {
  command = plan

  variables { sms = { message_type = "LOUD" } }

  expect_failures = [var.sms]
}

run "rejects_a_time_out_of_more_than_a_day" {
  command = plan

  variables { timeout_minutes = 1441 }

  expect_failures = [var.timeout_minutes]
}

run "rejects_a_subscription_by_another_protocol" {
  command = plan

  variables { subscriptions = { owner = { protocol = "sms", endpoint = "+14255550100" } } }

  expect_failures = [var.subscriptions]
}

run "rejects_a_subscription_to_notifications_that_are_never_published" {
  command = plan

  variables {
    subscriptions = { owner = { protocol = "email", endpoint = "owner@example.com", notification_types = ["started"] } }
  }

  expect_failures = [var.subscriptions]
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
