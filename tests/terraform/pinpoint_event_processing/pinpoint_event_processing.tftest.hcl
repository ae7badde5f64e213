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
      aws_lambda_event_source_mapping.stream.event_source_arn == "arn:aws:kinesis:eu-west-1:111122223333:stream/news",
      aws_lambda_event_source_mapping.stream.maximum_batching_window_in_seconds == 1,
      aws_lambda_event_source_mapping.stream.parallelization_factor == 4,
      aws_lambda_event_source_mapping.stream.starting_position == "TRIM_HORIZON",
    ])
    error_message = "A complaint must be honoured within seconds, and what is in the stream already too."
  }

  assert {
    condition = jsondecode(one(one(aws_lambda_event_source_mapping.stream.filter_criteria).filter).pattern) == {
      data = { event_type = ["_email.hardbounce", "_email.softbounce", "_email.complaint"] }
    }
    error_message = "Opens and sends must not cost an invocation."
  }
}

run "gives_up_a_record_after_a_while_keeps_it_and_goes_on" {
  command = apply

  assert {
    condition = alltrue([
      tolist(aws_lambda_event_source_mapping.stream.function_response_types) == tolist(["ReportBatchItemFailures"]),
      aws_lambda_event_source_mapping.stream.bisect_batch_on_function_error,
      aws_lambda_event_source_mapping.stream.maximum_retry_attempts == 50,
      aws_lambda_event_source_mapping.stream.maximum_record_age_in_seconds == 21600,
      one(one(aws_lambda_event_source_mapping.stream.destination_config).on_failure).destination_arn == module.dead_letter.queue_arn,
    ])
    error_message = "One record must neither be lost nor block its shard, and its retries must end while the stream still has it."
  }

  assert {
    condition     = output.dead_letter_queue_urls == { records = module.dead_letter.queue_url }
    error_message = "An operator needs the queue to redrive."
  }
}

run "reads_one_stream_and_writes_one_queue" {
  command = apply

  assert {
    condition = alltrue([
      length(data.aws_iam_policy_document.read_stream.statement) == 1,
      tolist(one(data.aws_iam_policy_document.read_stream.statement).resources) == tolist(["arn:aws:kinesis:eu-west-1:111122223333:stream/news"]),
      tolist(one(data.aws_iam_policy_document.keep_failures.statement).resources) == tolist([module.dead_letter.queue_arn]),
    ])
    error_message = "The function must reach nothing else."
  }
}

run "decrypts_a_stream_that_has_a_key_of_its_own" {
  command = plan

  variables {
    event_stream = {
      stream_arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/news"
      kms_key    = { arn = "arn:aws:kms:eu-west-1:111122223333:key/1" }
    }
  }

  assert {
    condition     = tolist(data.aws_iam_policy_document.read_stream.statement[1].resources) == tolist(["arn:aws:kms:eu-west-1:111122223333:key/1"])
    error_message = "The records must be readable."
  }
}

run "notifies_of_feedback_that_waits" {
  command = plan

  variables { alarm = { topic_arn = "arn:aws:sns:eu-west-1:111122223333:oncall" } }

  assert {
    condition = alltrue([
      aws_cloudwatch_metric_alarm.late.metric_name == "IteratorAge",
      one(aws_cloudwatch_metric_alarm.late.alarm_actions) == "arn:aws:sns:eu-west-1:111122223333:oncall",
    ])
    error_message = "An alarm must notify while the stream still has the events."
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
