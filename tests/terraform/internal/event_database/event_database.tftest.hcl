mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name           = "news-events"
  python_package = "ses_event_database"
  package        = { bucket = "packages", key = "0a1b/ses_event_database.zip" }
  table_name     = "ses_events"
  columns = [
    { name = "event_id", type = "string", comment = "The same for every copy." },
    { name = "mail", type = "struct<messageid:string>" },
  ]
}

run "declares_hourly_partitions_by_projection" {
  command = apply

  assert {
    condition = alltrue([
      aws_glue_catalog_table.events.parameters["projection.enabled"] == "true",
      aws_glue_catalog_table.events.parameters["projection.ingest_hour.type"] == "date",
      aws_glue_catalog_table.events.parameters["projection.ingest_hour.format"] == "yyyy/MM/dd/HH",
      aws_glue_catalog_table.events.parameters["projection.ingest_hour.interval"] == "1",
      aws_glue_catalog_table.events.parameters["projection.ingest_hour.interval.unit"] == "HOURS",
      endswith(aws_glue_catalog_table.events.parameters["projection.ingest_hour.range"], ",NOW+1HOURS"),
      aws_glue_catalog_table.events.parameters["storage.location.template"] == "s3://news-events-events-111122223333-eu-west-1/events/$${ingest_hour}/",
    ])
    error_message = "Partitions must follow from the folders that Firehose writes."
  }

  assert {
    condition = alltrue([
      one(aws_glue_catalog_table.events.partition_keys).name == "ingest_hour",
      one(aws_glue_catalog_table.events.partition_keys).type == "string",
    ])
    error_message = "The key must be a string: Hive reads yyyy/MM/dd/HH as no other type."
  }

  assert {
    condition = (
      one(aws_kinesis_firehose_delivery_stream.this["direct"].extended_s3_configuration).prefix == "events/!{timestamp:yyyy/MM/dd/HH}/"
      && endswith(one(aws_glue_catalog_table.events.storage_descriptor).location, "/events/")
    )
    error_message = "The location of the table must be the prefix to which Firehose writes."
  }

  assert {
    condition     = [for column in one(aws_glue_catalog_table.events.storage_descriptor).columns : "${column.name} ${column.type}"] == ["event_id string", "mail struct<messageid:string>"]
    error_message = "The table must have the columns that were given."
  }
}

run "delivers_within_a_minute_as_parquet_and_keeps_what_fails" {
  command = apply

  assert {
    condition = alltrue([
      one(aws_kinesis_firehose_delivery_stream.this["direct"].extended_s3_configuration).buffering_interval == 40,
      one(aws_kinesis_firehose_delivery_stream.this["direct"].extended_s3_configuration).buffering_size == 64,
      one(aws_kinesis_firehose_delivery_stream.this["direct"].extended_s3_configuration).error_output_prefix == "errors/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/",
    ])
    error_message = "An event must be in a file within a minute, and failures under errors/."
  }

  assert {
    condition = {
      for parameter in one(one(one(aws_kinesis_firehose_delivery_stream.this["direct"].extended_s3_configuration).processing_configuration).processors).parameters :
      parameter.parameter_name => parameter.parameter_value
      } == {
      BufferIntervalInSeconds = "5"
      BufferSizeInMBs         = "0.9"
      LambdaArn               = "arn:aws:lambda:eu-west-1:111122223333:function:mock:$LATEST"
    }
    error_message = "The provider forgets parameters that have their default value, and would show them in every plan."
  }

  assert {
    condition     = local.environment == { ERROR_PREFIX = "errors/", EVENTS_BUCKET = "news-events-events-111122223333-eu-west-1" }
    error_message = "The functions must know where failures are kept."
  }

  assert {
    condition     = output.firehose_name == "news-events-direct" && output.athena_database == "news_events" && output.athena_workgroup == "news-events"
    error_message = "Every name must begin with name, and the database's must need no quotes."
  }
}

run "reads_no_stream_and_trusts_no_publisher_unless_told" {
  command = plan

  assert {
    condition     = keys(aws_kinesis_firehose_delivery_stream.this) == ["direct"] && length(aws_iam_role.publisher) == 0
    error_message = "There must be one Firehose stream, and no service may write to it."
  }

  assert {
    condition     = one(aws_kinesis_firehose_delivery_stream.this["direct"].server_side_encryption).key_type == "AWS_OWNED_CMK"
    error_message = "Direct writes must be encrypted."
  }
}

run "reads_the_event_stream_with_its_key" {
  command = apply

  variables {
    event_stream = {
      stream_arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/project"
      kms_key    = { arn = "arn:aws:kms:eu-west-1:111122223333:key/1" }
    }
  }

  assert {
    condition = alltrue([
      one(aws_kinesis_firehose_delivery_stream.this["stream"].kinesis_source_configuration).kinesis_stream_arn == "arn:aws:kinesis:eu-west-1:111122223333:stream/project",
      length(aws_kinesis_firehose_delivery_stream.this["stream"].server_side_encryption) == 0,
      aws_kinesis_firehose_delivery_stream.this["stream"].extended_s3_configuration[0].prefix == aws_kinesis_firehose_delivery_stream.this["direct"].extended_s3_configuration[0].prefix,
    ])
    error_message = "Both Firehose streams must fill the same table."
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.event_stream[0].statement : alltrue([
        for resource in statement.resources : contains(["arn:aws:kinesis:eu-west-1:111122223333:stream/project", "arn:aws:kms:eu-west-1:111122223333:key/1"], resource)
      ])
    ]) && length(data.aws_iam_policy_document.event_stream[0].statement) == 2
    error_message = "Firehose must read this stream alone, and decrypt with its key alone."
  }
}

run "asks_for_no_key_of_a_stream_that_has_none" {
  command = plan

  variables {
    event_stream = { stream_arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/project" }
  }

  assert {
    condition     = length(data.aws_iam_policy_document.event_stream[0].statement) == 1
    error_message = "A stream under a key of AWS needs no permission."
  }
}

run "names_what_firehose_may_touch" {
  command = apply

  assert {
    condition = alltrue(flatten([
      for statement in data.aws_iam_policy_document.firehose.statement : [for resource in statement.resources : resource != "*"]
    ]))
    error_message = "No statement may be open to every resource."
  }

  assert {
    condition = contains([
      for condition in data.aws_iam_policy_document.firehose_trust.statement[0].condition : condition.variable
    ], "aws:SourceAccount")
    error_message = "Firehose must act for this account only."
  }

  assert {
    condition = alltrue([
      for resource in data.aws_iam_policy_document.replay.statement[0].resources : endswith(resource, "/errors/*")
    ])
    error_message = "The replay function must not reach events."
  }
}

run "gives_each_publisher_a_role_for_its_own_configuration_sets" {
  command = plan

  variables {
    publishers = {
      ses = { service = "ses.amazonaws.com", source_arns = ["arn:aws:ses:eu-west-1:111122223333:configuration-set/news"] }
    }
  }

  assert {
    condition = alltrue([
      keys(output.publisher_role_arns) == ["ses"],
      aws_iam_role.publisher["ses"].name == "news-events-ses-events",
      one(data.aws_iam_policy_document.publisher_trust["ses"].statement[0].principals).identifiers == toset(["ses.amazonaws.com"]),
      toset([for condition in data.aws_iam_policy_document.publisher_trust["ses"].statement[0].condition : condition.variable]) == toset(["aws:SourceAccount", "aws:SourceArn"]),
    ])
    error_message = "SES must write for that configuration set of this account only."
  }
}

run "encrypts_everything_with_the_key_it_is_given" {
  command = plan

  variables { operations = { kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/1" } } }

  assert {
    condition = alltrue([
      one(aws_kinesis_firehose_delivery_stream.this["direct"].server_side_encryption).key_type == "CUSTOMER_MANAGED_CMK",
      one(aws_kinesis_firehose_delivery_stream.this["direct"].extended_s3_configuration).kms_key_arn == "arn:aws:kms:eu-west-1:111122223333:key/1",
      aws_cloudwatch_log_group.delivery.kms_key_id == "arn:aws:kms:eu-west-1:111122223333:key/1",
    ])
    error_message = "Events and logs must be under the key."
  }
}

run "looks_no_further_back_than_the_day_it_was_created_on" {
  command = apply

  assert {
    condition     = aws_glue_catalog_table.events.parameters["projection.ingest_hour.range"] == "2020/01/02/00,NOW+1HOURS"
    error_message = "Queries without a time must not list hours from before the module."
  }
}

run "looks_back_to_the_day_that_was_given" {
  command = plan

  variables {
    events_since = "2025-03-01"
    retention    = { events_days = 30 }
  }

  assert {
    condition     = aws_glue_catalog_table.events.parameters["projection.ingest_hour.range"] == "2025/03/01/00,NOW+1HOURS"
    error_message = "Events from before the module must be found from the day that was given."
  }
}

run "rejects_a_first_day_that_does_not_exist" {
  command = plan

  variables { events_since = "2026-02-30" }

  expect_failures = [var.events_since]
}

run "rejects_a_first_day_in_another_notation" {
  command = plan

  variables { events_since = "2026/02/03" }

  expect_failures = [var.events_since]
}

run "rejects_a_first_day_that_has_not_come" {
  command = plan

  variables { events_since = "2099-01-01" }

  expect_failures = [var.events_since]
}

run "looks_no_further_back_than_the_day_it_was_created_on_however_long_events_are_kept" {
  command = apply

  variables { retention = { events_days = 36500 } }

  assert {
    condition     = aws_glue_catalog_table.events.parameters["projection.ingest_hour.range"] == "2020/01/02/00,NOW+1HOURS"
    error_message = "A long retention must not list hours from before the module."
  }
}

run "looks_no_further_back_than_events_are_kept" {
  command = apply

  variables { retention = { events_days = 30 } }

  assert {
    condition     = aws_glue_catalog_table.events.parameters["projection.ingest_hour.range"] == "NOW-31DAYS,NOW+1HOURS"
    error_message = "Queries without a time must not list folders that have expired."
  }
}

run "rejects_a_view_with_the_name_of_the_table" {
  command = plan

  variables {
    views = { ses_events = "-- Events.\n-- columns:\n--   one int\nSELECT 1 AS one" }
  }

  expect_failures = [var.views]
}

run "keeps_queries_with_what_they_answer" {
  command = plan

  variables {
    queries = { bounces_by_day = "-- Bounces by day,\n-- newest first.\nSELECT 1" }
  }

  assert {
    condition = alltrue([
      aws_athena_named_query.this["bounces_by_day"].description == "Bounces by day, newest first.",
      aws_athena_named_query.this["bounces_by_day"].database == "news_events",
    ])
    error_message = "A named query must say what it answers."
  }
}

run "rejects_a_query_that_does_not_say_what_it_answers" {
  command = plan

  variables {
    queries = { bounces_by_day = "SELECT 1" }
  }

  expect_failures = [var.queries]
}

run "notifies_of_late_unreadable_and_unwritten_events" {
  command = plan

  variables { operations = { alarm = { topic_arn = "arn:aws:sns:eu-west-1:111122223333:oncall" } } }

  assert {
    condition     = keys(aws_cloudwatch_metric_alarm.stream) == ["direct-conversion-failed", "direct-late", "direct-transform-failed"]
    error_message = "Each way in which events can get stuck needs an alarm."
  }

  assert {
    condition = alltrue(concat(
      [for alarm in aws_cloudwatch_metric_alarm.stream : one(alarm.alarm_actions) == "arn:aws:sns:eu-west-1:111122223333:oncall"],
      [one(aws_cloudwatch_metric_alarm.unreadable_records.alarm_actions) == "arn:aws:sns:eu-west-1:111122223333:oncall"],
    ))
    error_message = "Every alarm must notify the topic."
  }
}

run "keeps_the_alarms_when_nobody_is_told" {
  command = plan

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.stream) == 3 && length(aws_cloudwatch_metric_alarm.unreadable_records.alarm_actions) == 0
    error_message = "Alarms must exist without a topic."
  }
}

run "rejects_a_buffer_of_more_than_a_minute" {
  command = plan

  variables { buffer_seconds = 61 }

  expect_failures = [var.buffer_seconds]
}

run "rejects_a_database_name_that_needs_quotes" {
  command = plan

  variables { database_name = "ses-events" }

  expect_failures = [var.database_name]
}

run "rejects_a_name_that_no_bucket_can_begin_with" {
  command = plan

  variables { name = "a-name-that-is-much-too-long" }

  expect_failures = [var.name]
}

run "rejects_a_table_name_that_needs_quotes" {
  command = plan

  variables { table_name = "ses-events" }

  expect_failures = [var.table_name]
}

run "rejects_columns_that_are_not_lower_case" {
  command = plan

  variables {
    columns = [{ name = "mail", type = "struct<messageId:string>" }]
  }

  expect_failures = [var.columns]
}

run "rejects_a_scan_limit_below_what_athena_takes" {
  command = plan

  variables { athena = { scan_limit_mb = 9 } }

  expect_failures = [var.athena]
}

run "rejects_results_that_are_kept_for_no_day" {
  command = plan

  variables { athena = { results_days = 0 } }

  expect_failures = [var.athena]
}

run "rejects_a_retention_of_half_a_day" {
  command = plan

  variables { retention = { events_days = 0.5 } }

  expect_failures = [var.retention]
}

run "rejects_errors_that_are_kept_for_no_day" {
  command = plan

  variables { retention = { errors_days = 0 } }

  expect_failures = [var.retention]
}
