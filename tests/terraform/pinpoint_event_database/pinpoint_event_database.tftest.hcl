mock_provider "aws" {
  source = "./tests/mocks"
}

override_module {
  target = module.sms_event_destinations
  outputs = {
    function_name = "events-resources"
    results       = { SmsConfigurationSetEventDestination = {} }
  }
}

variables {
  name         = "events"
  event_stream = { stream_arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/project" }
}

run "keeps_what_comes_by_the_event_stream" {
  command = apply

  assert {
    condition     = output.table_name == "all_events" && output.athena_database == "events" && output.firehose_name == "events-direct"
    error_message = "The table must be where the queries look for it."
  }

  assert {
    condition     = length(aws_sesv2_configuration_set_event_destination.this) == 0 && length(module.sms_event_destinations) == 0 && length(module.database.publisher_role_arns) == 0
    error_message = "No other service may write to the table by default."
  }
}

run "takes_the_output_of_an_event_stream_under_a_key" {
  command = plan

  variables {
    event_stream = {
      stream_arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/project"
      kms_key    = { arn = "arn:aws:kms:eu-west-1:111122223333:key/1" }
    }
  }

  assert {
    condition     = output.athena_database == "events"
    error_message = "A stream under a key must do."
  }
}

run "takes_the_events_of_ses_configuration_sets_into_the_same_table" {
  command = apply

  variables { ses_configuration_sets = { mailings = "news", shop = "receipts" } }

  assert {
    condition = alltrue([
      { for key, destination in aws_sesv2_configuration_set_event_destination.this : key => destination.configuration_set_name } == { mailings = "news", shop = "receipts" },
      length(one(aws_sesv2_configuration_set_event_destination.this["mailings"].event_destination).matching_event_types) == 10,
      one(one(aws_sesv2_configuration_set_event_destination.this["mailings"].event_destination).kinesis_firehose_destination).delivery_stream_arn == output.firehose_arn,
    ])
    error_message = "Each configuration set must write all its events to the Firehose stream."
  }

  assert {
    condition     = local.publishers.ses.source_arns == ["arn:aws:ses:eu-west-1:111122223333:configuration-set/news", "arn:aws:ses:eu-west-1:111122223333:configuration-set/receipts"]
    error_message = "SES must write for these configuration sets only."
  }
}

run "takes_the_events_of_sms_configuration_sets_into_the_same_table" {
  command = plan

  variables { sms_configuration_sets = { urgent = "alerts" } }

  assert {
    condition     = length(module.sms_event_destinations) == 1 && local.publishers.sms.source_arns == ["arn:aws:sms-voice:eu-west-1:111122223333:configuration-set/alerts"]
    error_message = "End User Messaging must write for this configuration set only."
  }

  assert {
    condition     = keys(module.database.publisher_role_arns) == ["sms"]
    error_message = "There must be a role for End User Messaging SMS, and no role for SES."
  }
}

run "rejects_an_arn_for_an_ses_configuration_set" {
  command = plan

  variables { ses_configuration_sets = { mailings = "arn:aws:ses:eu-west-1:111122223333:configuration-set/news" } }

  expect_failures = [var.ses_configuration_sets]
}

run "rejects_an_arn_for_an_sms_configuration_set" {
  command = plan

  variables { sms_configuration_sets = { urgent = "arn:aws:sms-voice:eu-west-1:111122223333:configuration-set/alerts" } }

  expect_failures = [var.sms_configuration_sets]
}

run "rejects_a_name_with_underscores" {
  command = plan

  variables { name = "all_events" }

  expect_failures = [var.name]
}

run "rejects_a_buffer_of_more_than_a_minute" {
  command = plan

  variables { buffer_seconds = 300 }

  expect_failures = [var.buffer_seconds]
}

run "rejects_a_database_name_that_needs_quotes" {
  command = plan

  variables { database_name = "all-events" }

  expect_failures = [var.database_name]
}

run "rejects_a_scan_limit_below_what_athena_takes" {
  command = plan

  variables { athena = { scan_limit_mb = 1 } }

  expect_failures = [var.athena]
}

run "rejects_a_retention_of_no_days" {
  command = plan

  variables { retention = { events_days = 0 } }

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

run "rejects_a_stream_that_is_not_named_by_its_arn" {
  command = plan

  variables { event_stream = { stream_arn = "project" } }

  expect_failures = [var.event_stream]
}
