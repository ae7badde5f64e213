mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name              = "emails"
  configuration_set = { name = "tracked" }
}

run "makes_the_configuration_set_and_keeps_all_ten_types_of_event" {
  command = apply

  assert {
    condition = alltrue([
      aws_sesv2_configuration_set.this[0].configuration_set_name == "tracked",
      aws_sesv2_configuration_set_event_destination.this.configuration_set_name == "tracked",
      one(aws_sesv2_configuration_set_event_destination.this.event_destination).enabled,
      length(one(aws_sesv2_configuration_set_event_destination.this.event_destination).matching_event_types) == 10,
      output.configuration_set_name == "tracked",
    ])
    error_message = "Every event of the configuration set must be kept."
  }

  assert {
    condition = alltrue([
      one(one(aws_sesv2_configuration_set_event_destination.this.event_destination).kinesis_firehose_destination).delivery_stream_arn == "arn:aws:firehose:eu-west-1:111122223333:deliverystream/mock",
      one(one(aws_sesv2_configuration_set_event_destination.this.event_destination).kinesis_firehose_destination).iam_role_arn == "arn:aws:iam::111122223333:role/mock",
    ])
    error_message = "SES must write to the Firehose stream by the role that was made for it."
  }

  assert {
    condition     = output.table_name == "ses_events" && output.athena_database == "emails" && output.athena_workgroup == "emails"
    error_message = "The table must be where the queries look for it."
  }
}

run "takes_a_configuration_set_that_is_there" {
  command = plan

  variables { configuration_set = { name = "shared", create = false } }

  assert {
    condition = alltrue([
      length(aws_sesv2_configuration_set.this) == 0,
      aws_sesv2_configuration_set_event_destination.this.configuration_set_name == "shared",
      aws_sesv2_configuration_set_event_destination.this.event_destination_name == "emails",
    ])
    error_message = "A given configuration set must only get a destination."
  }
}

run "takes_a_database_name" {
  command = plan

  variables { database_name = "mail" }

  assert {
    condition     = output.athena_database == "mail"
    error_message = "The database must have the name it is given."
  }
}

run "rejects_an_arn_for_a_configuration_set" {
  command = plan

  variables { configuration_set = { name = "arn:aws:ses:eu-west-1:111122223333:configuration-set/shared" } }

  expect_failures = [var.configuration_set]
}

run "rejects_a_name_with_underscores" {
  command = plan

  variables { name = "all_emails" }

  expect_failures = [var.name]
}

run "rejects_a_buffer_of_more_than_a_minute" {
  command = plan

  variables { buffer_seconds = 300 }

  expect_failures = [var.buffer_seconds]
}

run "rejects_a_database_name_that_needs_quotes" {
  command = plan

  variables { database_name = "ses-events" }

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
