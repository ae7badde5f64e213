mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name = "monthly"
}

run "exports_the_month_before_on_the_1st_without_further_inputs" {
  command = apply

  assert {
    condition = alltrue([
      aws_scheduler_schedule.this.schedule_expression == "cron(0 6 1 * ? *)",
      aws_scheduler_schedule.this.schedule_expression_timezone == "UTC",
      aws_scheduler_schedule.this.state == "ENABLED",
    ])
    error_message = "The schedule must run on the 1st of each month, and must run."
  }

  assert {
    condition     = aws_scheduler_schedule.this.target[0].input == "{\"scheduled_time\": \"<aws.scheduler.scheduled-time>\"}"
    error_message = "The input must hold Scheduler's context attribute unescaped, or Scheduler does not replace it."
  }

  assert {
    condition     = one(aws_scheduler_schedule.this.target[0].dead_letter_config).arn == module.undelivered.queue_arn
    error_message = "A run that could not be started must be kept."
  }

  assert {
    condition     = length(module.bucket) == 1 && local.bucket == module.bucket[0].bucket_name
    error_message = "The reports must have a bucket."
  }

  assert {
    condition = jsondecode(local.environment.SPECIFICATION) == {
      DataFormat = "CSV"
      Dimensions = { EMAIL_IDENTITY = ["*"] }
      Metrics = concat([{ Name = "SEND", Aggregation = "VOLUME" }], [
        for name in [
          "DELIVERY", "TRANSIENT_BOUNCE", "PERMANENT_BOUNCE", "COMPLAINT", "OPEN", "CLICK",
          "DELIVERY_OPEN", "DELIVERY_CLICK", "DELIVERY_COMPLAINT",
        ] : { Name = name, Aggregation = "RATE" }
      ])
    }
    error_message = "The defaults must be the ten metrics of the original, by sending identity."
  }

  assert {
    condition     = length(var.subscriptions) == 0
    error_message = "No endpoint may be subscribed that is not named."
  }
}

run "may_do_no_more_than_it_does" {
  command = plan

  assert {
    condition = alltrue([
      for statement in concat(data.aws_iam_policy_document.start.statement, data.aws_iam_policy_document.collect.statement) :
      statement.actions == toset(["ses:CreateExportJob"]) || !contains(statement.resources, "*")
    ])
    error_message = "Only CreateExportJob, which knows no resource, may have a *."
  }

  assert {
    condition = [
      for statement in data.aws_iam_policy_document.collect.statement : statement.resources
      if statement.sid == "LookAtExports"
    ] == [toset(["arn:aws:ses:eu-west-1:111122223333:export-job/*"])]
    error_message = "Export jobs of this account and region may be looked at, and nothing else."
  }
}

run "one_metric_and_three_dimensions_in_json_are_fine_too" {
  command = plan

  variables {
    format     = "JSON"
    metrics    = [{ name = "DELIVERY_OPEN", aggregation = "VOLUME" }]
    dimensions = { EMAIL_IDENTITY = ["*"], CONFIGURATION_SET = ["receipts"], ISP = ["*"] }
    schedule   = { time_zone = "Europe/Berlin", expression = "cron(30 7 2 * ? *)", enabled = false }
  }

  assert {
    condition = jsondecode(local.environment.SPECIFICATION) == {
      DataFormat = "JSON"
      Dimensions = { CONFIGURATION_SET = ["receipts"], EMAIL_IDENTITY = ["*"], ISP = ["*"] }
      Metrics    = [{ Name = "DELIVERY_OPEN", Aggregation = "VOLUME" }]
    }
    error_message = "The report must have what was asked for, in any number."
  }

  assert {
    condition = alltrue([
      local.environment.TIME_ZONE == "Europe/Berlin",
      aws_scheduler_schedule.this.schedule_expression_timezone == "Europe/Berlin",
      aws_scheduler_schedule.this.state == "DISABLED",
    ])
    error_message = "The schedule and the month must be of the same time zone."
  }
}

run "keeps_reports_in_a_bucket_of_the_callers_with_its_key" {
  command = plan

  variables {
    bucket = { name = "theirs", kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/theirs" } }
    prefix = "ses/"
  }

  assert {
    condition     = length(module.bucket) == 0 && output.report_bucket_name == "theirs"
    error_message = "No bucket must be made."
  }

  assert {
    condition = alltrue([
      data.aws_iam_policy_document.collect.statement[1].resources == toset(["arn:aws:s3:::theirs/ses/*"]),
      data.aws_iam_policy_document.collect.statement[3].resources == toset(["arn:aws:kms:eu-west-1:111122223333:key/theirs"]),
    ])
    error_message = "Only the prefix of that bucket may be written to, with the bucket's key."
  }
}

run "uses_the_key_for_the_claims_and_the_schedule" {
  command = plan

  variables { kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/ours" } }

  assert {
    condition     = { for name, step in local.steps : name => step.kms_actions } == { plan = [], start = ["kms:Decrypt"], collect = ["kms:Decrypt"] }
    error_message = "Every step that uses the table of claims needs its key."
  }

  assert {
    condition     = aws_dynamodb_table.claims.server_side_encryption[0].kms_key_arn == var.kms_key.arn && aws_scheduler_schedule.this.kms_key_arn == var.kms_key.arn
    error_message = "The table and the schedule must be encrypted with the key."
  }
}

run "takes_any_number_of_subscriptions" {
  command = plan

  variables {
    subscriptions = {
      finance = { protocol = "email", endpoint = "finance@example.com" }
      cfo     = { protocol = "email", endpoint = "cfo@example.com", notification_types = ["success"] }
      archive = { protocol = "sqs", endpoint = "arn:aws:sqs:eu-west-1:111122223333:reports", notification_types = ["success", "failure"] }
    }
  }

  assert {
    condition     = module.topic.topic_name == "monthly-notifications"
    error_message = "People and queues, with and without types, must do."
  }
}

run "rejects_a_subscription_to_notifications_that_are_never_published" {
  command = plan

  variables {
    subscriptions = { finance = { protocol = "email", endpoint = "finance@example.com", notification_types = ["started"] } }
  }

  expect_failures = [var.subscriptions]
}

run "rejects_a_dimension_and_a_metric_that_ses_does_not_know" {
  command = plan

  variables {
    dimensions = { COUNTRY = ["*"] }
    metrics    = [{ name = "REJECT", aggregation = "VOLUME" }]
  }

  expect_failures = [var.dimensions, var.metrics]
}

run "rejects_a_report_without_dimensions_or_metrics" {
  command = plan

  variables {
    dimensions = {}
    metrics    = []
  }

  expect_failures = [var.dimensions, var.metrics]
}

run "rejects_a_dimension_with_eleven_values_and_an_aggregation_that_there_is_not" {
  command = plan

  variables {
    dimensions = { ISP = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"] }
    metrics    = [{ name = "SEND", aggregation = "AVERAGE" }]
  }

  expect_failures = [var.dimensions, var.metrics]
}

run "rejects_all_values_of_one_dimension_with_several_of_another_and_the_same_metric_twice" {
  command = plan

  variables {
    dimensions = { EMAIL_IDENTITY = ["*"], ISP = ["Gmail", "Yahoo"] }
    metrics    = [{ name = "SEND", aggregation = "VOLUME" }, { name = "SEND", aggregation = "VOLUME" }]
  }

  expect_failures = [var.dimensions, var.metrics]
}

run "rejects_a_rate_as_schedule_and_other_bad_inputs" {
  command = plan

  variables {
    schedule        = { expression = "rate(2 minutes)" }
    format          = "XLSX"
    prefix          = "/reports"
    subscriptions   = { finance = { protocol = "fax", endpoint = "+14255550100" } }
    timeout_seconds = 5
    name            = "Monthly_Report"
    retention_days  = 0
  }

  expect_failures = [
    var.schedule, var.format, var.prefix, var.subscriptions, var.timeout_seconds, var.name,
    var.retention_days,
  ]
}

run "rejects_an_offset_as_time_zone_and_an_end_of_reports_in_a_bucket_of_somebody_else" {
  command = plan

  variables {
    schedule       = { time_zone = "+02:00" }
    bucket         = { name = "theirs" }
    retention_days = 400
  }

  expect_failures = [var.schedule, var.retention_days]
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
