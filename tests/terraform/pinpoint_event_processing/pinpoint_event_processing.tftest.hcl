mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name         = "news-feedback"
  event_stream = { stream_arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/news" }
}

run "is_invoked_for_bounces_and_complaints_within_a_second_and_for_nothing_else" {
  command = plan

  assert {
    condition = alltrue([
      module.subscriber.mapping.stream_arn == "arn:aws:kinesis:eu-west-1:111122223333:stream/news",
      module.subscriber.mapping.window_seconds == 1,
      module.subscriber.mapping.parallelization_factor == 4,
    ])
    error_message = "A complaint must be honoured within seconds."
  }

  assert {
    condition = jsondecode(module.subscriber.mapping.filter_pattern) == {
      data = { event_type = ["_email.hardbounce", "_email.softbounce", "_email.complaint"] }
    }
    error_message = "Opens and sends must not cost an invocation."
  }
}

run "gives_the_queue_of_its_failures" {
  command = apply

  assert {
    condition     = output.dead_letter_queue_urls == { records = module.subscriber.dead_letter_queue_url }
    error_message = "An operator needs the queue to redrive."
  }
}

run "rejects_a_stream_that_is_no_arn" {
  command = plan

  variables { event_stream = { stream_arn = "stream/news" } }

  expect_failures = [var.event_stream]
}

run "rejects_an_address_table_that_is_none" {
  command = plan

  variables { address_table = { name = "people", arn = "people" } }

  expect_failures = [var.address_table]
}

run "rejects_an_event_bus_arn" {
  command = plan

  variables { event_bus_name = "arn:aws:events:eu-west-1:111122223333:event-bus/main" }

  expect_failures = [var.event_bus_name]
}

run "rejects_a_limit_of_no_soft_bounce" {
  command = plan

  variables { transient_bounces = { limit = 0 } }

  expect_failures = [var.transient_bounces]
}

run "rejects_half_a_day" {
  command = plan

  variables { transient_bounces = { window_days = 0.5 } }

  expect_failures = [var.transient_bounces]
}

run "rejects_a_name_with_capitals" {
  command = plan

  variables { name = "News" }

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
