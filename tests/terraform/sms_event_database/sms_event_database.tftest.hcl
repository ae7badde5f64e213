mock_provider "aws" {
  source = "./tests/mocks"
}

override_module {
  target = module.event_destination
  outputs = {
    function_name = "texts-resources"
    results       = { SmsConfigurationSetEventDestination = { events = {} } }
  }
}

variables {
  name              = "texts"
  configuration_set = { name = "tracked" }
}

run "makes_the_configuration_set" {
  command = apply

  assert {
    condition     = aws_pinpointsmsvoicev2_configuration_set.this[0].name == "tracked" && output.configuration_set_name == "tracked"
    error_message = "The configuration set must be made."
  }

  assert {
    condition     = output.table_name == "sms_events" && output.athena_database == "texts" && output.athena_workgroup == "texts"
    error_message = "The table must be where the queries look for it."
  }
}

run "takes_a_configuration_set_that_is_there" {
  command = plan

  variables { configuration_set = { name = "shared", create = false } }

  assert {
    condition     = length(aws_pinpointsmsvoicev2_configuration_set.this) == 0
    error_message = "A given configuration set must only get a destination."
  }
}

run "keeps_the_events_of_text_messages" {
  command = plan

  assert {
    condition     = local.event_destination.MatchingEventTypes == tolist(["TEXT_ALL"]) && local.event_destination.EventDestinationName == "texts"
    error_message = "The default must be all events of text messages."
  }
}

run "keeps_other_events_that_are_asked_for" {
  command = plan

  variables { event_types = ["VOICE_ALL", "TEXT_DELIVERED", "RCS_FALLEN_BACK_TO_SMS"] }

  assert {
    condition     = local.event_destination.MatchingEventTypes == tolist(["RCS_FALLEN_BACK_TO_SMS", "TEXT_DELIVERED", "VOICE_ALL"])
    error_message = "The types must reach the destination, in one order."
  }
}

run "rejects_an_event_type_that_no_destination_has" {
  command = plan

  variables { event_types = ["TEXT_SENT"] }

  expect_failures = [var.event_types]
}

run "rejects_no_event_type" {
  command = plan

  variables { event_types = [] }

  expect_failures = [var.event_types]
}

run "rejects_an_arn_for_a_configuration_set" {
  command = plan

  variables { configuration_set = { name = "arn:aws:sms-voice:eu-west-1:111122223333:configuration-set/shared" } }

  expect_failures = [var.configuration_set]
}

run "rejects_a_name_with_underscores" {
  command = plan

  variables { name = "all_texts" }

  expect_failures = [var.name]
}

run "rejects_a_buffer_of_more_than_a_minute" {
  command = plan

  variables { buffer_seconds = 300 }

  expect_failures = [var.buffer_seconds]
}

run "rejects_a_database_name_that_needs_quotes" {
  command = plan

  variables { database_name = "sms-events" }

  expect_failures = [var.database_name]
}

run "rejects_a_scan_limit_below_what_athena_takes" {
  command = plan

  variables { athena = { scan_limit_mb = 1 } }

  expect_failures = [var.athena]
}

run "rejects_a_retention_of_no_days" {
  command = plan

  variables { retention = { errors_days = 0 } }

  expect_failures = [var.retention]
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
