mock_provider "aws" {
  source = "./tests/mocks"
}

override_module {
  target = module.segment
  outputs = {
    function_name = "phones-resources"
    results       = { Segment = { needs_validation = { Id = "segment-1" } } }
  }
}

variables {
  name = "phones"
  pinpoint = {
    project_id = "app1"
    api = {
      url           = "https://abc.execute-api.eu-west-1.amazonaws.com"
      execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:abc"
    }
  }
}

run "validates_at_the_account_s_quota" {
  command = apply

  assert {
    condition = alltrue([
      local.functions.validate-batch.environment.VALIDATIONS_PER_SECOND == 20,
      local.functions.list-numbers.environment.MAX_CONCURRENCY == 4,
    ])
    error_message = "Twenty validations a second must be the default, by four functions at a time."
  }

  assert {
    condition     = output.needs_validation_segment_id == "segment-1"
    error_message = "The segment's id must come from the project."
  }

  assert {
    condition     = one(aws_dynamodb_table.verdict.ttl).attribute_name == "expires_at"
    error_message = "Verdicts must expire."
  }
}

run "asks_aws_about_numbers_whoever_hosts_the_project" {
  command = plan

  assert {
    condition     = length(module.number_access.environment) == 0 && length(module.endpoint_access.environment) == 1
    error_message = "Numbers go to AWS, endpoints to the hub."
  }
}

run "deletes_only_its_working_files" {
  command = apply

  assert {
    condition = alltrue([
      for resource in data.aws_iam_policy_document.delete_files.statement[0].resources :
      endswith(resource, "/exports/*") || endswith(resource, "/work/*")
    ])
    error_message = "No other file may be deleted."
  }
}

run "keeps_reports_of_invalid_numbers_for_a_month_where_only_their_writer_writes" {
  command = apply

  assert {
    condition = alltrue([
      [for statement in data.aws_iam_policy_document.add_up.statement : statement.resources if contains(statement.actions, "s3:PutObject")] == [toset(["${module.bucket.bucket_arn}/reports/*"])],
      alltrue([for statement in data.aws_iam_policy_document.validate_batch.statement : !strcontains(join(" ", statement.resources), "/reports/")]),
    ])
    error_message = "Reports must be written by the function that adds up, and nothing else be written by it."
  }
}

run "guesses_no_country_unless_told" {
  command = plan

  assert {
    condition     = !contains(keys(local.file_environment), "DEFAULT_COUNTRY")
    error_message = "Without default_country no country must be assumed."
  }
}

run "uses_the_country_it_is_told" {
  command = plan

  variables { default_country = "DE" }

  assert {
    condition     = local.file_environment.DEFAULT_COUNTRY == "DE"
    error_message = "The default country must reach the function that reads numbers."
  }
}

run "lets_one_function_at_a_time_work_at_one_a_second" {
  command = plan

  variables { validations_per_second = 1 }

  assert {
    condition     = local.file_environment.MAX_CONCURRENCY == 1
    error_message = "More functions would wait for their turn beyond their time-out."
  }
}

run "rejects_a_country_name" {
  command = plan

  variables { default_country = "Germany" }

  expect_failures = [var.default_country]
}

run "rejects_a_rate_of_nothing" {
  command = plan

  variables { validations_per_second = 0 }

  expect_failures = [var.validations_per_second]
}

run "rejects_a_cache_of_less_than_no_days" {
  command = plan

  variables { cache_days = -1 }

  expect_failures = [var.cache_days]
}

run "rejects_negative_seconds_before_a_second_export" {
  command = plan

  variables { recheck_after_seconds = -1 }

  expect_failures = [var.recheck_after_seconds]
}

run "rejects_a_time_out_of_no_minutes" {
  command = plan

  variables { timeout_minutes = 0 }

  expect_failures = [var.timeout_minutes]
}

run "rejects_a_subscription_by_another_protocol" {
  command = plan

  variables { subscriptions = { owner = { protocol = "sms", endpoint = "+14255550100" } } }

  expect_failures = [var.subscriptions]
}

run "rejects_a_subscription_to_notifications_that_are_never_published" {
  command = plan

  variables {
    subscriptions = { owner = { protocol = "email", endpoint = "owner@example.com", notification_types = ["started"] } }
  }

  expect_failures = [var.subscriptions]
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
