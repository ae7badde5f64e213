mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name         = "news"
  event_stream = { stream_arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/news" }
  event_types  = ["_email.open", "_email.click"]
  function     = { handler = "news.functions.read.lambda_handler", description = "Reads news." }
  package      = { bucket = "packages", key = "0a1b/news.zip" }
  late         = { work = "News are read" }
}

run "reads_the_events_of_the_given_types_from_the_start_of_the_stream" {
  command = plan

  assert {
    condition = alltrue([
      aws_lambda_event_source_mapping.this.event_source_arn == "arn:aws:kinesis:eu-west-1:111122223333:stream/news",
      aws_lambda_event_source_mapping.this.starting_position == "TRIM_HORIZON",
      aws_lambda_event_source_mapping.this.batch_size == 100,
      aws_lambda_event_source_mapping.this.maximum_batching_window_in_seconds == 1,
      aws_lambda_event_source_mapping.this.parallelization_factor == 1,
    ])
    error_message = "Events that are in the stream already must count too."
  }

  assert {
    condition = jsondecode(one(one(aws_lambda_event_source_mapping.this.filter_criteria).filter).pattern) == {
      data = { event_type = ["_email.open", "_email.click"] }
    }
    error_message = "Events of other types must not cost an invocation."
  }
}

run "gives_up_a_record_after_a_while_keeps_it_and_goes_on" {
  command = apply

  assert {
    condition = alltrue([
      tolist(aws_lambda_event_source_mapping.this.function_response_types) == tolist(["ReportBatchItemFailures"]),
      aws_lambda_event_source_mapping.this.bisect_batch_on_function_error,
      aws_lambda_event_source_mapping.this.maximum_retry_attempts == 50,
      aws_lambda_event_source_mapping.this.maximum_record_age_in_seconds == 21600,
      one(one(aws_lambda_event_source_mapping.this.destination_config).on_failure).destination_arn == module.dead_letter.queue_arn,
    ])
    error_message = "One record must neither be lost nor block its shard, and its retries must end while the stream still has it."
  }

  assert {
    condition     = output.dead_letter_queue_url == module.dead_letter.queue_url
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

run "notifies_of_records_that_wait" {
  command = plan

  variables {
    operations = { alarm = { topic_arn = "arn:aws:sns:eu-west-1:111122223333:oncall" } }
    late       = { work = "News are read", seconds = 3600 }
  }

  assert {
    condition = alltrue([
      aws_cloudwatch_metric_alarm.late.alarm_name == "news-late",
      aws_cloudwatch_metric_alarm.late.metric_name == "IteratorAge",
      aws_cloudwatch_metric_alarm.late.threshold == 3600000,
      startswith(aws_cloudwatch_metric_alarm.late.alarm_description, "News are read more than 60 minutes late"),
      one(aws_cloudwatch_metric_alarm.late.alarm_actions) == "arn:aws:sns:eu-west-1:111122223333:oncall",
    ])
    error_message = "An alarm must notify while the stream still has the events."
  }
}

run "rejects_more_event_types_than_a_filter_pattern_takes" {
  command = plan

  variables {
    event_types = [for number in range(300) : "registered_for_webinar${number}"]
  }

  expect_failures = [aws_lambda_event_source_mapping.this]
}

run "rejects_a_subscriber_that_would_never_run" {
  command = plan

  variables { event_types = [] }

  expect_failures = [var.event_types]
}

run "rejects_batches_that_lambda_does_not_make" {
  command = plan

  variables {
    batches = { size = 10001, window_seconds = 0.5, parallelization_factor = 11 }
  }

  expect_failures = [var.batches]
}

run "rejects_an_alarm_after_the_records_are_given_up" {
  command = plan

  variables {
    late = { work = "News are read", seconds = 30000 }
  }

  expect_failures = [var.late]
}

run "rejects_policies_under_its_own_names" {
  command = plan

  variables {
    policies = { read-stream = "{}" }
  }

  expect_failures = [var.policies]
}
