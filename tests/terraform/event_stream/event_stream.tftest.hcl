mock_provider "aws" {
  source = "./tests/mocks"
}

override_module {
  target = module.registration
  outputs = {
    function_name = "news-stream-registration"
    results       = { event_stream = {} }
  }
}

variables {
  name = "news-stream"
  pinpoint = {
    project_id = "app1"
    api = {
      url           = "https://abc.execute-api.eu-west-1.amazonaws.com"
      execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:abc"
    }
  }
}

run "keeps_events_for_a_day_on_one_encrypted_shard" {
  command = plan

  assert {
    condition = alltrue([
      one(aws_kinesis_stream.this.stream_mode_details).stream_mode == "PROVISIONED",
      aws_kinesis_stream.this.shard_count == 1,
      aws_kinesis_stream.this.retention_period == 24,
      aws_kinesis_stream.this.encryption_type == "KMS",
      aws_kinesis_stream.this.kms_key_id == "alias/aws/kinesis",
    ])
    error_message = "The default stream must be small, and encrypted."
  }

  assert {
    condition     = length(data.aws_iam_policy_document.write.statement) == 1
    error_message = "A key of AWS needs no permission."
  }
}

run "gives_subscribers_the_stream_and_its_key" {
  command = apply

  variables { kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/1" }

  assert {
    condition     = output.event_stream == { stream_arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/mock", kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/1" }
    error_message = "Subscribers need the stream and what decrypts it."
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.write.statement :
      alltrue([for resource in statement.resources : contains(["arn:aws:kinesis:eu-west-1:111122223333:stream/mock", "arn:aws:kms:eu-west-1:111122223333:key/1"], resource)])
    ])
    error_message = "The project must write to this stream alone."
  }
}

run "gives_no_key_where_there_is_none" {
  command = apply

  assert {
    condition     = output.event_stream.kms_key_arn == null
    error_message = "Subscribers must not ask for a key that AWS manages."
  }
}

run "registers_the_stream_and_replaces_no_other_unless_told" {
  command = apply

  assert {
    condition     = local.registration.DestinationStreamArn == aws_kinesis_stream.this.arn && !local.registration.TakeOver
    error_message = "A stream that is there must stay, and be reported."
  }
}

run "replaces_a_stream_when_told" {
  command = plan

  variables { take_over = true }

  assert {
    condition     = local.registration.TakeOver
    error_message = "take_over must reach the registration."
  }
}

run "leaves_the_number_of_shards_to_kinesis_on_demand" {
  command = plan

  variables { stream = { mode = "ON_DEMAND" } }

  assert {
    condition     = one(aws_kinesis_stream.this.stream_mode_details).stream_mode == "ON_DEMAND"
    error_message = "The stream must grow by itself."
  }
}

run "notifies_of_refused_and_of_unread_events" {
  command = plan

  variables {
    alarm  = { topic_arn = "arn:aws:sns:eu-west-1:111122223333:oncall" }
    stream = { retention_hours = 48 }
  }

  assert {
    condition = alltrue([
      keys(aws_cloudwatch_metric_alarm.this) == ["throttled", "unread"],
      aws_cloudwatch_metric_alarm.this["unread"].threshold == 24 * 3600 * 1000,
      one(aws_cloudwatch_metric_alarm.this["unread"].alarm_actions) == "arn:aws:sns:eu-west-1:111122223333:oncall",
    ])
    error_message = "Somebody must hear while the events are still there."
  }
}

run "rejects_a_mode_that_kinesis_does_not_have" {
  command = plan

  variables { stream = { mode = "on-demand" } }

  expect_failures = [var.stream]
}

run "rejects_half_a_shard" {
  command = plan

  variables { stream = { shards = 0.5 } }

  expect_failures = [var.stream]
}

run "rejects_a_retention_that_kinesis_does_not_offer" {
  command = plan

  variables { stream = { retention_hours = 12 } }

  expect_failures = [var.stream]
}

run "rejects_a_name_with_capitals" {
  command = plan

  variables { name = "News" }

  expect_failures = [var.name]
}
