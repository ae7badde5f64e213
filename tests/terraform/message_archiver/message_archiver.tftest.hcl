mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name         = "news-archive"
  event_stream = { stream_arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/news" }
  pinpoint     = { project_id = "0123456789abcdef0123456789abcdef" }
}

run "is_invoked_for_sends_and_for_nothing_else" {
  command = plan

  assert {
    condition = jsondecode(module.sends.mapping.filter_pattern) == {
      data = { event_type = ["_campaign.send", "_journey.send"] }
    }
    error_message = "Opens and clicks must not cost an invocation."
  }

  assert {
    condition = alltrue([
      aws_lambda_event_source_mapping.messages.function_response_types == toset(["ReportBatchItemFailures"]),
      aws_lambda_event_source_mapping.messages.batch_size == 500,
      aws_lambda_event_source_mapping.messages.maximum_batching_window_in_seconds == 30,
    ])
    error_message = "A failed message must not fail its batch, and a batch makes one index file."
  }
}

run "has_no_lock_no_transition_and_no_end_by_default" {
  command = plan

  assert {
    condition     = length(data.aws_iam_policy_document.archive.statement) == 4
    error_message = "The function takes messages, parks messages, and writes to two prefixes."
  }

  assert {
    condition     = alltrue([for one in data.aws_iam_policy_document.archive.statement : !contains(one.actions, "s3:GetObject") && !contains(one.actions, "s3:DeleteObject")])
    error_message = "The function must not read or delete the archive."
  }

  assert {
    condition     = aws_glue_catalog_table.messages.partition_keys[0].type == "string"
    error_message = "A projected key of this format is a string."
  }

  assert {
    condition     = length(aws_glue_catalog_table.messages.storage_descriptor[0].columns) == 18
    error_message = "The table has the columns of messages.json."
  }
}

run "gives_the_queues_of_its_failures" {
  command = apply

  assert {
    condition = output.dead_letter_queue_urls == {
      events   = module.sends.dead_letter_queue_url
      messages = module.queue.dead_letter_queue_url
    }
    error_message = "An operator needs the queues to redrive."
  }
}

run "takes_every_option" {
  command = plan

  variables {
    addresses            = "masked"
    default_from_address = "news@example.com"
    glacier              = { after_days = 90, storage_class = "DEEP_ARCHIVE", larger_than_kb = 16 }
    kms_key              = { arn = "arn:aws:kms:eu-west-1:111122223333:key/k" }
    messages_since       = "2026-05-01"
    object_lock          = { days = 365 }
    retention_days       = 3650
  }

  assert {
    condition     = aws_glue_catalog_table.messages.parameters["projection.sent_hour.range"] == "2026/05/01/00,NOW+1HOURS"
    error_message = "The index must begin on the given day."
  }

  assert {
    condition     = length([for one in data.aws_iam_policy_document.erase.statement : one if one.sid == "UseTheKey"]) == 1
    error_message = "The operator must be able to read encrypted index files."
  }
}

run "rejects_a_stream_that_is_no_arn" {
  command = plan

  variables { event_stream = { stream_arn = "stream/news" } }

  expect_failures = [var.event_stream]
}

run "rejects_another_word_for_addresses" {
  command = plan

  variables { addresses = "hidden" }

  expect_failures = [var.addresses]
}

run "rejects_a_window_that_lambda_does_not_have" {
  command = plan

  variables { batch_window_seconds = 0 }

  expect_failures = [var.batch_window_seconds]
}

run "rejects_a_concurrency_of_one" {
  command = plan

  variables { concurrency = 1 }

  expect_failures = [var.concurrency]
}

run "rejects_a_sender_that_is_no_address" {
  command = plan

  variables { default_from_address = "news" }

  expect_failures = [var.default_from_address]
}

run "rejects_a_transition_of_the_same_day" {
  command = plan

  variables { glacier = { after_days = 0 } }

  expect_failures = [var.glacier]
}

run "rejects_a_transition_of_messages_that_are_deleted_by_then" {
  command = plan

  variables {
    glacier        = { after_days = 90 }
    retention_days = 90
  }

  expect_failures = [var.glacier]
}

run "rejects_a_storage_class_of_another_family" {
  command = plan

  variables { glacier = { after_days = 1, storage_class = "STANDARD_IA" } }

  expect_failures = [var.glacier]
}

run "rejects_half_a_kilobyte" {
  command = plan

  variables { glacier = { after_days = 1, larger_than_kb = 0.5 } }

  expect_failures = [var.glacier]
}

run "rejects_a_day_that_is_no_date" {
  command = plan

  variables { messages_since = "May" }

  expect_failures = [var.messages_since]
}

run "rejects_a_mode_that_object_lock_does_not_have" {
  command = plan

  variables { object_lock = { mode = "STRICT", days = 1 } }

  expect_failures = [var.object_lock]
}

run "rejects_a_lock_of_no_day" {
  command = plan

  variables { object_lock = { days = 0 } }

  expect_failures = [var.object_lock]
}

run "rejects_an_end_before_the_end_of_the_lock" {
  command = plan

  variables {
    object_lock    = { days = 365 }
    retention_days = 30
  }

  expect_failures = [var.retention_days]
}

run "rejects_an_end_of_half_a_day" {
  command = plan

  variables { retention_days = 0.5 }

  expect_failures = [var.retention_days]
}

run "rejects_a_scan_limit_that_athena_does_not_have" {
  command = plan

  variables { athena = { scan_limit_mb = 1 } }

  expect_failures = [var.athena]
}
