mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name = "texts"
  origination_identities = {
    alerts = {
      arn                      = "arn:aws:sms-voice:eu-west-1:111122223333:phone-number/phone-1"
      name                     = "12345"
      message_parts_per_second = 100
    }
    offers = {
      arn  = "arn:aws:sms-voice:eu-west-1:111122223333:sender-id/ACME/GB"
      name = "ACME"
    }
  }
}

run "sends_what_lands_under_the_prefix_from_the_named_identities_only" {
  command = apply

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.file_dropped.event_pattern).detail == {
      bucket = { name = [output.drop_bucket_name] }
      object = { key = [{ prefix = "drop/" }] }
    }
    error_message = "Only files under the prefix of this bucket must start a run."
  }

  assert {
    condition = data.aws_iam_policy_document.sender.statement[0].resources == toset([
      "arn:aws:sms-voice:eu-west-1:111122223333:phone-number/phone-1",
      "arn:aws:sms-voice:eu-west-1:111122223333:sender-id/ACME/GB",
    ])
    error_message = "Messages must be sent from the given identities, and no others."
  }

  assert {
    condition     = local.identities.identities.offers.parts_per_second == 1
    error_message = "An identity without a rate must have the rate of a long code."
  }

  assert {
    condition = alltrue([
      for mapping in values(aws_lambda_event_source_mapping.permits) :
      mapping.batch_size == 1 && mapping.scaling_config[0].maximum_concurrency == 2
    ])
    error_message = "Two senders must work for an identity, each with one permit."
  }

  assert {
    condition     = alltrue([for queue in values(aws_sqs_queue.permits) : queue.visibility_timeout_seconds == 720])
    error_message = "A permit must be hidden for six times the timeout of the sender."
  }

  assert {
    condition     = !contains(keys(local.environment), "SENDING_HOURS") && output.kms_key == null
    error_message = "Without sending_hours and kms_key neither must be set."
  }
}

run "watches_an_existing_bucket_without_touching_it" {
  command = plan

  variables {
    bucket = { name = "theirs", kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/theirs" } }
    prefix = "texts/"
  }

  assert {
    condition     = length(module.bucket) == 0 && output.drop_bucket_name == "theirs"
    error_message = "No bucket must be made for files, and nothing about theirs be managed."
  }

  assert {
    condition = alltrue([
      data.aws_iam_policy_document.cut_file.statement[0].resources == toset(["arn:aws:s3:::theirs/texts/*"]),
      data.aws_iam_policy_document.cut_file.statement[2].resources == toset(["arn:aws:kms:eu-west-1:111122223333:key/theirs"]),
    ])
    error_message = "Files under the prefix must be read, with the bucket's key."
  }
}

run "uses_one_key_for_everything" {
  command = plan

  variables {
    kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/ours" }
  }

  assert {
    condition = alltrue([
      aws_dynamodb_table.state.server_side_encryption[0].kms_key_arn == "arn:aws:kms:eu-west-1:111122223333:key/ours",
      alltrue([for queue in values(aws_sqs_queue.permits) : queue.kms_master_key_id == "arn:aws:kms:eu-west-1:111122223333:key/ours"]),
    ])
    error_message = "The table and the queues must have the key."
  }
}

run "sends_with_a_configuration_set_in_the_hours_of_the_recipient" {
  command = plan

  variables {
    configuration_set = { name = "tracked" }
    sending_hours     = { opens = "09:00", closes = "20:00" }
  }

  assert {
    condition     = length([for arn in data.aws_iam_policy_document.sender.statement[0].resources : arn if endswith(arn, ":configuration-set/tracked")]) == 1
    error_message = "The role must be allowed to use the configuration set."
  }
}

run "a_fast_number_has_a_sender_with_a_whole_vcpu" {
  command = plan

  assert {
    condition     = local.sender_memory_mb == 1769
    error_message = "A sender of 100 messages a second must have a vCPU."
  }
}

run "a_slow_number_has_a_small_sender" {
  command = plan

  variables {
    origination_identities = { a = { arn = "arn:aws:sms-voice:eu-west-1:111122223333:pool/pool-1", name = "p" } }
  }

  assert {
    condition     = local.sender_memory_mb == 512
    error_message = "A sender that waits most of the time must be small."
  }
}

run "tells_an_absent_file_and_an_absent_run_from_a_refusal" {
  command = plan

  # S3 API reference, "GetObject": 403 for an absent object without s3:ListBucket. A condition on
  # s3:prefix does not hold for GetObject.
  assert {
    condition = alltrue([
      for document in [data.aws_iam_policy_document.cut_file, data.aws_iam_policy_document.status] : anytrue([
        for statement in document.statement : contains(statement.actions, "s3:ListBucket") && length(statement.condition) == 0
      ])
    ])
    error_message = "The step that cuts and the command must be allowed to list, without a condition."
  }
}

run "stops_runs_and_changes_no_other_item" {
  command = plan

  assert {
    condition = alltrue([
      data.aws_iam_policy_document.stop.statement[0].actions == toset(["dynamodb:UpdateItem"]),
      one(data.aws_iam_policy_document.stop.statement[0].condition).values == tolist(["run#*"]),
    ])
    error_message = "The policy of stop must reach the items of runs only."
  }
}

run "refuses_a_key_that_names_the_dead_letter_queue" {
  command = plan

  variables {
    origination_identities = { dead-letter = { arn = "arn:aws:sms-voice:eu-west-1:111122223333:pool/pool-1", name = "p" } }
  }

  expect_failures = [var.origination_identities]
}

run "refuses_two_identities_of_one_name" {
  command = plan

  variables {
    origination_identities = {
      a = { arn = "arn:aws:sms-voice:eu-west-1:111122223333:phone-number/phone-1", name = "+12065550100" }
      b = { arn = "arn:aws:sms-voice:eu-west-1:111122223333:phone-number/phone-2", name = "1206-5550100" }
    }
  }

  expect_failures = [var.origination_identities]
}

run "refuses_a_name_that_is_the_key_of_another_identity" {
  command = plan

  variables {
    origination_identities = {
      a = { arn = "arn:aws:sms-voice:eu-west-1:111122223333:phone-number/phone-1", name = "b" }
      b = { arn = "arn:aws:sms-voice:eu-west-1:111122223333:phone-number/phone-2", name = "c" }
    }
  }

  expect_failures = [var.origination_identities]
}

run "refuses_no_identity" {
  command = plan

  variables {
    origination_identities = {}
  }

  expect_failures = [var.origination_identities]
}

run "refuses_an_identity_key_that_is_no_part_of_a_name" {
  command = plan

  variables {
    origination_identities = { "+1" = { arn = "arn:aws:sms-voice:eu-west-1:111122223333:pool/pool-1", name = "pool-1" } }
  }

  expect_failures = [var.origination_identities]
}

run "refuses_the_arn_of_something_else" {
  command = plan

  variables {
    origination_identities = { a = { arn = "arn:aws:sns:eu-west-1:111122223333:topic", name = "12345" } }
  }

  expect_failures = [var.origination_identities]
}

run "refuses_a_name_that_no_file_can_hold" {
  command = plan

  variables {
    origination_identities = { a = { arn = "arn:aws:sms-voice:eu-west-1:111122223333:pool/pool-1", name = "a b" } }
  }

  expect_failures = [var.origination_identities]
}

run "refuses_a_rate_of_nothing" {
  command = plan

  variables {
    origination_identities = { a = { arn = "arn:aws:sms-voice:eu-west-1:111122223333:pool/pool-1", name = "p", message_parts_per_second = 0 } }
  }

  expect_failures = [var.origination_identities]
}

run "refuses_a_default_identity_that_is_not_there" {
  command = plan

  variables {
    default_identity = "nobody"
  }

  expect_failures = [var.default_identity]
}

run "refuses_an_unknown_message_type" {
  command = plan

  variables {
    default_message_type = "MARKETING"
  }

  expect_failures = [var.default_message_type]
}

run "refuses_hours_that_never_open" {
  command = plan

  variables {
    sending_hours = { opens = "09:00", closes = "09:00" }
  }

  expect_failures = [var.sending_hours]
}

run "refuses_days_and_zones_that_do_not_exist" {
  command = plan

  variables {
    sending_hours = { opens = "09:00", closes = "20:00", days = ["MONDAY"], default_time_zone = "../etc" }
  }

  expect_failures = [var.sending_hours]
}

run "refuses_numbers_out_of_range" {
  command = plan

  variables {
    idempotency_days  = 3
    result_days       = 1
    retry_minutes     = -1
    send_within_hours = 1000
  }

  expect_failures = [var.idempotency_days, var.result_days, var.retry_minutes, var.send_within_hours]
}

run "refuses_a_prefix_that_no_key_has" {
  command = plan

  variables {
    prefix = "/drop"
  }

  expect_failures = [var.prefix]
}

run "refuses_empty_suffixes" {
  command = plan

  variables {
    key_suffixes = [""]
  }

  expect_failures = [var.key_suffixes]
}

run "refuses_an_arn_as_configuration_set" {
  command = plan

  variables {
    configuration_set = { name = "arn:aws:sms-voice:eu-west-1:111122223333:configuration-set/x" }
  }

  expect_failures = [var.configuration_set]
}
