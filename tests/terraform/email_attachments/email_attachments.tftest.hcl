mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name          = "bank-mail"
  campaign_role = { arn = "arn:aws:iam::111122223333:role/engagement-hub-functions/bank-campaign" }
  pinpoint = {
    project_id = "0123456789abcdef0123456789abcdef"
    api        = { url = "https://h1.execute-api.eu-west-1.amazonaws.com", execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:h1" }
  }
  email = {
    from_address = "The Bank <statements@bank.example.com>"
    identity_arn = "arn:aws:ses:eu-west-1:111122223333:identity/bank.example.com"
  }
}

run "sends_from_one_address_by_one_identity" {
  command = plan

  assert {
    condition = alltrue([
      toset(data.aws_iam_policy_document.send.statement[0].actions) == toset(["ses:SendEmail", "ses:SendRawEmail"]),
      data.aws_iam_policy_document.send.statement[0].resources == toset(["arn:aws:ses:eu-west-1:111122223333:identity/bank.example.com"]),
      one(data.aws_iam_policy_document.send.statement[0].condition).variable == "ses:FromAddress",
      one(data.aws_iam_policy_document.send.statement[0].condition).values == tolist(["statements@bank.example.com"]),
    ])
    error_message = "The sender must use one identity and one From address."
  }
}

run "reads_the_files_of_its_bucket_and_writes_none" {
  command = apply

  variables { files = { prefix = "statements/" } }

  assert {
    condition     = data.aws_iam_policy_document.send.statement[1].resources == toset(["${module.bucket[0].bucket_arn}/statements/*"])
    error_message = "Only objects under files.prefix may be read."
  }

  assert {
    condition = alltrue(flatten([
      for one in data.aws_iam_policy_document.send.statement : [
        for action in one.actions : !startswith(action, "s3:Put") && !startswith(action, "s3:Delete")
      ]
    ]))
    error_message = "No file may be written or deleted."
  }

  assert {
    condition     = output.bucket_name == module.bucket[0].bucket_name && output.dead_letter_queue_urls.endpoints != null
    error_message = "An operator needs the bucket and the dead-letter queue."
  }
}

run "reads_and_writes_the_claims_of_its_table_and_deletes_none" {
  command = plan

  assert {
    condition = toset(flatten([
      for one in data.aws_iam_policy_document.send.statement : one.actions if one.sid == "ClaimAndPaceSends"
    ])) == toset(["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"])
    error_message = "The sender looks for a claim before it makes one, and keeps every claim."
  }
}

run "uses_a_bucket_of_yours_with_its_key" {
  command = plan

  variables { bucket = { name = "bank-files", kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/files" } } }

  assert {
    condition = alltrue([
      length(module.bucket) == 0,
      data.aws_iam_policy_document.send.statement[1].resources == toset(["arn:aws:s3:::bank-files/*"]),
      one(data.aws_iam_policy_document.send.statement[3].resources) == "arn:aws:kms:eu-west-1:111122223333:key/files",
    ])
    error_message = "The bucket is yours, and its key decrypts the files."
  }
}

run "sends_as_many_at_a_time_as_the_rate_needs" {
  command = plan

  variables {
    email = {
      from_address        = "statements@bank.example.com"
      identity_arn        = "arn:aws:ses:eu-west-1:111122223333:identity/bank.example.com"
      messages_per_second = 100
    }
  }

  assert {
    condition = alltrue([
      one(aws_lambda_event_source_mapping.sender.scaling_config).maximum_concurrency == 20,
      aws_lambda_event_source_mapping.sender.function_response_types == toset(["ReportBatchItemFailures"]),
    ])
    error_message = "A fifth of a second per email, and a failed email must not fail its batch."
  }
}

run "takes_every_option" {
  command = plan

  variables {
    email = {
      from_address            = "statements@bank.example.com"
      identity_arn            = "arn:aws:ses:eu-west-1:111122223333:identity/bank.example.com"
      configuration_set       = { name = "statements" }
      messages_per_second     = 0.5
      recipient_identity_arns = ["arn:aws:ses:eu-west-1:111122223333:identity/ann@example.com"]
      other_senders           = { news = { from_address = "News <news@bank.example.com>", identity_arn = "arn:aws:ses:eu-west-1:111122223333:identity/news@bank.example.com" } }
    }
    files                  = { prefix = "a/b/", type = ".zip", largest_mb = 28, link_seconds = 43200, expiration_days = 30 }
    force_destroy          = true
    kms_key                = { arn = "arn:aws:kms:eu-west-1:111122223333:key/k" }
    oldest_message_minutes = 10
    recheck_seconds        = 0
    sender_concurrency     = 3
    unsubscribe            = { url = "https://bank.example.com/u?{{Id}}", mailto = "mailto:u@bank.example.com", one_click = true }
  }

  assert {
    condition = alltrue([
      contains(data.aws_iam_policy_document.send.statement[0].resources, "arn:aws:ses:eu-west-1:111122223333:configuration-set/statements"),
      contains(data.aws_iam_policy_document.send.statement[0].resources, "arn:aws:ses:eu-west-1:111122223333:identity/ann@example.com"),
    ])
    error_message = "SES also authorizes the configuration set, and in the sandbox the recipient."
  }

  assert {
    condition     = toset(one(data.aws_iam_policy_document.send.statement[0].condition).values) == toset(["statements@bank.example.com", "news@bank.example.com"])
    error_message = "Both senders may send."
  }

  assert {
    condition     = one(aws_dynamodb_table.state.server_side_encryption).kms_key_arn == var.kms_key.arn
    error_message = "The claims are under the given key."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.waiting.threshold == 600
    error_message = "The alarm has the threshold of the input."
  }
}

run "takes_a_project_of_amazon_pinpoint" {
  command = apply

  variables {
    campaign_role = null
    pinpoint      = { project_id = "0123456789abcdef0123456789abcdef" }
  }

  assert {
    condition     = output.function_arn != null
    error_message = "Amazon Pinpoint calls the function without a role."
  }
}

run "rejects_a_sender_without_an_address" {
  command = plan

  variables { email = { from_address = "The Bank", identity_arn = "arn:aws:ses:eu-west-1:111122223333:identity/bank.example.com" } }

  expect_failures = [var.email]
}

run "rejects_an_identity_that_is_no_arn" {
  command = plan
  variables { email = { from_address = "a@bank.example.com", identity_arn = "bank.example.com" } }
  expect_failures = [var.email]
}

run "rejects_a_rate_of_nothing" {
  command = plan

  variables { email = { from_address = "a@bank.example.com", identity_arn = "arn:aws:ses:eu-west-1:111122223333:identity/bank.example.com", messages_per_second = 0 } }

  expect_failures = [var.email]
}

run "rejects_more_addresses_than_an_environment_holds" {
  command = plan

  variables {
    email = {
      from_address  = "a@bank.example.com"
      identity_arn  = "arn:aws:ses:eu-west-1:111122223333:identity/bank.example.com"
      other_senders = { for number in range(21) : "s${number}" => { from_address = "a@bank.example.com", identity_arn = "arn:aws:ses:eu-west-1:111122223333:identity/bank.example.com" } }
    }
  }

  expect_failures = [var.email]
}

run "rejects_a_link_that_outlives_every_session_of_a_role" {
  command = plan

  variables { files = { link_seconds = 43201 } }

  expect_failures = [var.files]
}

run "rejects_a_link_of_seconds" {
  command = plan

  variables { files = { link_seconds = 59 } }

  expect_failures = [var.files]
}

run "rejects_files_that_no_message_of_ses_holds" {
  command = plan

  variables { files = { largest_mb = 29 } }

  expect_failures = [var.files]
}

run "rejects_a_prefix_without_a_slash_at_its_end" {
  command = plan

  variables { files = { prefix = "statements" } }

  expect_failures = [var.files]
}

run "rejects_a_prefix_that_leaves_its_folder" {
  command = plan

  variables { files = { prefix = "a/../b/" } }

  expect_failures = [var.files]
}

run "rejects_a_prefix_that_no_environment_holds" {
  command = plan

  variables { files = { prefix = "${join("", [for _ in range(501) : "a"])}/" } }

  expect_failures = [var.files]
}

run "rejects_a_type_without_its_dot" {
  command = plan

  variables { files = { type = "pdf" } }

  expect_failures = [var.files]
}

run "rejects_an_expiration_of_half_a_day" {
  command = plan

  variables { files = { expiration_days = 0.5 } }

  expect_failures = [var.files]
}

run "rejects_an_expiration_in_a_bucket_of_yours" {
  command = plan

  variables {
    bucket = { name = "bank-files" }
    files  = { expiration_days = 30 }
  }

  expect_failures = [var.files]
}

run "rejects_a_concurrency_that_lambda_does_not_take" {
  command = plan

  variables { sender_concurrency = 1 }

  expect_failures = [var.sender_concurrency]
}

run "rejects_a_negative_age" {
  command = plan

  variables { recheck_seconds = -1 }

  expect_failures = [var.recheck_seconds]
}

run "rejects_an_alarm_after_more_than_14_days" {
  command = plan

  variables { oldest_message_minutes = 20161 }

  expect_failures = [var.oldest_message_minutes]
}

run "rejects_unsubscribe_links_without_a_link" {
  command = plan

  variables { unsubscribe = {} }

  expect_failures = [var.unsubscribe]
}

run "rejects_an_unsubscribe_link_without_tls" {
  command = plan

  variables { unsubscribe = { url = "http://bank.example.com/u" } }

  expect_failures = [var.unsubscribe]
}

run "rejects_one_click_without_a_url" {
  command = plan

  variables { unsubscribe = { mailto = "mailto:u@bank.example.com", one_click = true } }

  expect_failures = [var.unsubscribe]
}

run "rejects_a_name_that_names_no_bucket" {
  command = plan

  variables { name = "Bank" }

  expect_failures = [var.name]
}
