mock_provider "aws" {
  source = "./tests/mocks"
}

# Answer of the function: the SHA-256 of the requested registration, which the module compares with its
# own request (pinpoint_resources, `revisions`). An apply that requests another stream, role, project
# or take-over fails. The registration is
#   [{"api":{"execution_arn":"arn:aws:execute-api:eu-west-1:111122223333:abc","url":"https://abc.execute-api.eu-west-1.amazonaws.com"},"project_id":"app1"},
#    {"key":"project","properties":"{\"DestinationStreamArn\":\"arn:aws:kinesis:eu-west-1:111122223333:stream/mock\",\"RoleArn\":\"arn:aws:iam::111122223333:role/mock\",\"TakeOver\":false}","type":"EventStream"}]
# as jsonencode writes it, in one line.
override_resource {
  target = module.registration.aws_lambda_invocation.this
  values = { result = "{\"Revision\":\"7704a0d727f094abea9e60777b771165a87f05720618474438c91adaa3db4a27\"}" }
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

  variables { kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/1" } }

  assert {
    condition     = output.event_stream == { stream_arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/mock", kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/1" } }
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
    condition     = output.event_stream.kms_key == null
    error_message = "Subscribers must not ask for a key that AWS manages."
  }
}

run "registers_the_stream_and_replaces_no_other_unless_told" {
  command = apply

  assert {
    condition     = keys(module.registration.results.EventStream) == ["project"]
    error_message = "A stream that is there must stay, and be reported."
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
    error_message = "An alarm must notify while the stream still has the events."
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
