mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name = "drop"
  pinpoint = {
    project_id = "app1"
    api = {
      url           = "https://abc.execute-api.eu-west-1.amazonaws.com"
      execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:abc"
    }
  }
}

run "makes_a_bucket_and_imports_what_lands_under_the_prefix" {
  command = apply

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.file_dropped.event_pattern).detail == {
      bucket = { name = [output.import_bucket_name] }
      object = { key = [{ prefix = "import/" }] }
    }
    error_message = "Only files under the prefix of this bucket must start an import."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.trigger.function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "A failed message must not take its batch along."
  }

  assert {
    condition     = one(aws_cloudwatch_event_target.queue.dead_letter_config).arn == module.undelivered.queue_arn
    error_message = "An event that does not reach the queue must be kept."
  }

  assert {
    condition     = local.job_environment.PINPOINT_API_URL == "https://abc.execute-api.eu-west-1.amazonaws.com"
    error_message = "The functions must talk to the hub."
  }
}

run "works_for_a_project_of_amazon_pinpoint" {
  command = plan

  variables {
    pinpoint = { project_id = "app1" }
  }

  assert {
    condition     = !contains(keys(local.job_environment), "PINPOINT_API_URL")
    error_message = "Without a hub the functions must talk to AWS."
  }
}

run "watches_an_existing_bucket_without_touching_it" {
  command = plan

  variables {
    bucket = { name = "theirs", kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/theirs" } }
    prefix = "people/"
  }

  assert {
    condition     = length(module.bucket) == 0 && output.import_bucket_name == "theirs"
    error_message = "No bucket must be made, and nothing about theirs be managed."
  }

  assert {
    condition = alltrue([
      data.aws_iam_policy_document.import.statement[0].resources == toset(["arn:aws:s3:::theirs/mapped/*", "arn:aws:s3:::theirs/people/*"]),
      data.aws_iam_policy_document.import.statement[3].resources == toset(["arn:aws:kms:eu-west-1:111122223333:key/theirs"]),
    ])
    error_message = "The import role must read the prefix of that bucket and the copies only, with the bucket's key."
  }
}

run "imports_files_of_a_suffix" {
  command = plan

  variables { key_suffixes = [".csv", ".csv.gz"] }

  assert {
    condition     = module.trigger.function_name == "drop-trigger"
    error_message = "Names must start with the caller's."
  }
}

run "takes_subscriptions_of_the_notification_topic" {
  command = plan

  variables {
    subscriptions = {
      owner     = { protocol = "email", endpoint = "owner@example.com", notification_types = ["failure"] }
      pipeline  = { protocol = "sqs", endpoint = "arn:aws:sqs:eu-west-1:111122223333:pipeline", notification_types = ["started", "success"] }
      dashboard = { protocol = "https", endpoint = "https://example.com/imports" }
    }
  }

  assert {
    condition     = module.topic.topic_name == "drop-notifications"
    error_message = "Each of the three protocols, with and without types, must do."
  }
}

run "rejects_a_subscription_by_another_protocol" {
  command = plan

  variables { subscriptions = { owner = { protocol = "sms", endpoint = "+14255550100" } } }

  expect_failures = [var.subscriptions]
}

run "rejects_a_subscription_to_notifications_that_are_never_published" {
  command = plan

  variables {
    subscriptions = { owner = { protocol = "email", endpoint = "owner@example.com", notification_types = ["failed"] } }
  }

  expect_failures = [var.subscriptions]
}

run "leaves_files_as_they_are_without_a_mapping" {
  command = plan

  assert {
    condition = alltrue([
      length(data.aws_iam_policy_document.copy_file.statement) == 4,
      data.aws_iam_policy_document.copy_file.statement[0].actions == toset(["s3:GetObject", "s3:GetObjectVersion"]),
      data.aws_iam_policy_document.copy_file.statement[0].resources == toset(["${local.bucket_arn}/import/*"]),
    ])
    error_message = "The copy must be of a version of a dropped file."
  }
}

run "imports_copies_with_the_columns_of_a_mapping" {
  command = plan

  variables {
    bucket = { name = "theirs", kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/theirs" } }
    column_mapping = {
      columns = {
        "Phone Number" = "Address"
        "First Name"   = "User.UserAttributes.FirstName"
        "Interest 1"   = "Attributes.Interests"
        "Interest 2"   = "Attributes.Interests"
      }
      constants = { ChannelType = "SMS" }
    }
  }

  assert {
    condition = alltrue([
      data.aws_iam_policy_document.copy_file.statement[0].resources == toset(["arn:aws:s3:::theirs/import/*"]),
      data.aws_iam_policy_document.copy_file.statement[1].resources == toset(["arn:aws:s3:::theirs/mapped/*"]),
      data.aws_iam_policy_document.copy_file.statement[3].resources == toset(["arn:aws:s3:::theirs/mapped/*"]),
      data.aws_iam_policy_document.copy_file.statement[4].resources == toset(["arn:aws:kms:eu-west-1:111122223333:key/theirs"]),
      data.aws_iam_policy_document.import.statement[0].resources == toset(["arn:aws:s3:::theirs/import/*", "arn:aws:s3:::theirs/mapped/*"]),
      data.aws_iam_policy_document.steps.statement[1].resources == toset(["arn:aws:s3:::theirs/mapped/*"]),
    ])
    error_message = "The mapping must read dropped files and write copies, the import must read both, and the run delete copies only."
  }
}

run "rejects_a_mapping_to_a_column_that_no_import_has" {
  command = plan

  variables { column_mapping = { columns = { "E-mail" = "Email", "Kind" = "ChannelType" } } }

  expect_failures = [var.column_mapping]
}

run "rejects_a_mapping_that_gives_a_column_twice" {
  command = plan

  variables { column_mapping = { columns = { "Mobile" = "Address", "Phone" = "Address" }, constants = { ChannelType = "SMS" } } }

  expect_failures = [var.column_mapping]
}

run "rejects_a_mapping_that_does_not_say_the_channel" {
  command = plan

  variables { column_mapping = { columns = { "Mobile" = "Address" } } }

  expect_failures = [var.column_mapping]
}

run "rejects_a_mapping_in_an_encoding_that_is_not_known" {
  command = plan

  variables { column_mapping = { columns = { "Id" = "Id" }, encoding = "klingon" } }

  expect_failures = [var.column_mapping]
}

run "rejects_a_mapping_of_json" {
  command = plan

  variables {
    column_mapping = { columns = { "Id" = "Id" } }
    import_format  = "JSON"
  }

  expect_failures = [var.column_mapping]
}

run "rejects_a_prefix_that_covers_the_copies" {
  command = plan

  variables { prefix = "m" }

  expect_failures = [var.prefix]
}

run "rejects_a_ratio_above_one" {
  command = plan

  variables { max_failure_ratio = 5 }

  expect_failures = [var.max_failure_ratio]
}

run "rejects_an_unknown_format" {
  command = plan

  variables { import_format = "XLSX" }

  expect_failures = [var.import_format]
}

run "rejects_a_prefix_that_no_key_has" {
  command = plan

  variables { prefix = "/import" }

  expect_failures = [var.prefix]
}

run "rejects_an_empty_suffix" {
  command = plan

  variables { key_suffixes = [""] }

  expect_failures = [var.key_suffixes]
}

run "rejects_a_time_out_of_no_minutes" {
  command = plan

  variables { timeout_minutes = 0 }

  expect_failures = [var.timeout_minutes]
}

run "rejects_a_name_that_a_bucket_cannot_have" {
  command = plan

  variables { name = "Drop_Files" }

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
