mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name = "red-shoes"
  pinpoint = {
    project_id = "app1"
    api = {
      url           = "https://abc.execute-api.eu-west-1.amazonaws.com"
      execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:abc"
    }
  }
  databases = {
    events = { name = "news_events", locations = ["s3://news-events/events/"] }
    shop = {
      name      = "shop"
      locations = ["s3://lake/orders/", "s3://lake/visits/"]
      kms_key   = { arn = "arn:aws:kms:eu-west-1:111122223333:key/lake" }
    }
  }
}

run "lets_queries_read_the_given_databases_and_nothing_else" {
  command = apply

  assert {
    condition = {
      for statement in data.aws_iam_policy_document.start_query.statement : statement.sid => toset(statement.resources)
      if contains(["FindTables", "FindPartitions", "ReadTables", "ListTables0", "ListTables1", "DecryptTables", "FindTheDefaultDatabase"], statement.sid)
      } == {
      FindTables = toset([
        "arn:aws:glue:eu-west-1:111122223333:catalog",
        "arn:aws:glue:eu-west-1:111122223333:database/news_events",
        "arn:aws:glue:eu-west-1:111122223333:database/shop",
        "arn:aws:glue:eu-west-1:111122223333:table/news_events/*",
        "arn:aws:glue:eu-west-1:111122223333:table/shop/*",
      ])
      FindPartitions = toset([
        "arn:aws:glue:eu-west-1:111122223333:catalog",
        "arn:aws:glue:eu-west-1:111122223333:database/news_events",
        "arn:aws:glue:eu-west-1:111122223333:database/shop",
        "arn:aws:glue:eu-west-1:111122223333:table/news_events/*",
        "arn:aws:glue:eu-west-1:111122223333:table/shop/*",
      ])
      FindTheDefaultDatabase = toset(["arn:aws:glue:eu-west-1:111122223333:database/default"])
      ReadTables             = toset(["arn:aws:s3:::lake/orders/*", "arn:aws:s3:::lake/visits/*", "arn:aws:s3:::news-events/events/*"])
      ListTables0            = toset(["arn:aws:s3:::news-events"])
      ListTables1            = toset(["arn:aws:s3:::lake"])
      DecryptTables          = toset(["arn:aws:kms:eu-west-1:111122223333:key/lake"])
    }
    error_message = "A query must read the tables of the given databases at the given locations only."
  }

  assert {
    condition = {
      for statement in data.aws_iam_policy_document.start_query.statement : statement.sid => {
        actions   = toset(statement.actions)
        resources = toset(statement.resources)
      }
      if contains(["FindTheCatalog", "ReadTablesThatLakeFormationGoverns", "WriteResults"], statement.sid)
      } == {
      FindTheCatalog = {
        actions   = toset(["athena:GetDataCatalog"])
        resources = toset(["arn:aws:athena:eu-west-1:111122223333:datacatalog/AwsDataCatalog"])
      }
      ReadTablesThatLakeFormationGoverns = {
        actions   = toset(["lakeformation:GetDataAccess"])
        resources = toset(["*"])
      }
      WriteResults = {
        actions   = toset(["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"])
        resources = toset(["${local.bucket_arn}/results/*"])
      }
    }
    error_message = "A query must have what AWS documents for Athena: its catalog, Lake Formation's credentials, and its results."
  }

  assert {
    condition = [
      for statement in data.aws_iam_policy_document.start_query.statement : one(one(statement.condition).values)
      if statement.sid == "ListTables0"
    ] == ["events/*"]
    error_message = "A bucket must be listed below the location only."
  }

  assert {
    condition = alltrue([
      local.steps.start_query.environment.DATABASES == "news_events,shop",
      local.steps.start_query.environment.DATABASE == "news_events",
      local.steps.start_query.environment.WORKGROUP == "red-shoes",
    ])
    error_message = "Queries must run in the workgroup of the module, on the first database."
  }
}

run "imports_the_copies_of_results_and_nothing_else" {
  command = apply

  assert {
    condition = alltrue([
      toset(data.aws_iam_policy_document.import.statement[0].resources) == toset(["${local.bucket_arn}/imports/*"]),
      toset(data.aws_iam_policy_document.prepare_result.statement[0].resources) == toset(["${local.bucket_arn}/results/*"]),
      toset(data.aws_iam_policy_document.prepare_result.statement[1].resources) == toset(["${local.bucket_arn}/imports/*"]),
    ])
    error_message = "An import must read copies only."
  }

  assert {
    condition     = local.steps.start_import.environment.PINPOINT_API_URL == "https://abc.execute-api.eu-west-1.amazonaws.com"
    error_message = "The functions must talk to the hub."
  }

  assert {
    condition     = length(aws_scheduler_schedule.this) == 0 && length(module.start_run) == 0 && output.dead_letter_queue_urls == {}
    error_message = "Without schedules there must be nothing of them."
  }
}

run "works_for_a_project_of_amazon_pinpoint" {
  command = plan

  variables {
    pinpoint = { project_id = "app1" }
  }

  assert {
    condition     = !contains(keys(local.steps.start_import.environment), "PINPOINT_API_URL")
    error_message = "Without a hub the functions must talk to AWS."
  }
}

run "starts_scheduled_runs_and_keeps_what_could_not_be_started" {
  command = apply

  variables {
    default_database = "shop"
    schedules = {
      nightly = {
        expression = "cron(0 3 * * ? *)"
        time_zone  = "Europe/Berlin"
        input      = { query = "SELECT a AS \"Id\" FROM t WHERE b < 3", segment_name = "Red shoes", segment_id = "s1" }
      }
      hourly = {
        expression = "rate(1 hour)"
        enabled    = false
        input      = { query = "SELECT a AS \"Id\", b AS \"Attributes.B\" FROM t", type = "mutate" }
      }
    }
  }

  assert {
    condition = alltrue([
      jsondecode(one(aws_scheduler_schedule.this["nightly"].target).input) == {
        Schedule      = "nightly"
        ScheduledTime = "<aws.scheduler.scheduled-time>"
        Input         = { Query = "SELECT a AS \"Id\" FROM t WHERE b < 3", Type = "direct", SegmentName = "Red shoes", SegmentId = "s1" }
      },
      strcontains(one(aws_scheduler_schedule.this["nightly"].target).input, "\"<aws.scheduler.scheduled-time>\""),
      aws_scheduler_schedule.this["nightly"].schedule_expression_timezone == "Europe/Berlin",
      jsondecode(one(aws_scheduler_schedule.this["hourly"].target).input).Input == { Query = "SELECT a AS \"Id\", b AS \"Attributes.B\" FROM t", Type = "mutate" },
      aws_scheduler_schedule.this["hourly"].state == "DISABLED",
    ])
    error_message = "A schedule must start the run with its own input, and the time unescaped."
  }

  assert {
    condition     = one(one(aws_scheduler_schedule.this["nightly"].target).dead_letter_config).arn == module.undelivered["scheduled"].queue_arn && keys(output.dead_letter_queue_urls) == ["schedules"]
    error_message = "A time whose run did not start must be kept."
  }

  assert {
    condition     = local.default_database == "shop"
    error_message = "A table without a database must belong to the default database."
  }
}

run "encrypts_with_the_key" {
  command = plan

  variables { kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/own" } }

  assert {
    condition     = toset(data.aws_iam_policy_document.import.statement[3].resources) == toset(["arn:aws:kms:eu-west-1:111122223333:key/own"])
    error_message = "The import must read copies under the key."
  }
}

run "rejects_no_database" {
  command = plan

  variables { databases = {} }

  expect_failures = [var.databases]
}

run "rejects_the_name_of_a_database_that_matches_others" {
  command = plan

  variables { databases = { all = { name = "*", locations = [] } } }

  expect_failures = [var.databases]
}

run "rejects_a_location_that_does_not_end_in_a_slash" {
  command = plan

  variables { databases = { shop = { name = "shop", locations = ["s3://lake/orders"] } } }

  expect_failures = [var.databases]
}

run "rejects_a_location_with_a_wildcard" {
  command = plan

  variables { databases = { shop = { name = "shop", locations = ["s3://lake/*/"] } } }

  expect_failures = [var.databases]
}

run "rejects_more_locations_than_a_policy_holds" {
  command = plan

  variables { databases = { shop = { name = "shop", locations = [for n in range(100) : "s3://lake/a-long-folder/number-${n}/"] } } }

  expect_failures = [var.databases]
}

run "rejects_a_default_database_that_is_not_given" {
  command = plan

  variables { default_database = "payroll" }

  expect_failures = [var.default_database]
}

run "rejects_a_schedule_without_a_segment" {
  command = plan

  variables { schedules = { nightly = { expression = "cron(0 3 * * ? *)", input = { query = "SELECT 1" } } } }

  expect_failures = [var.schedules]
}

run "rejects_a_schedule_that_mutates_a_segment" {
  command = plan

  variables { schedules = { nightly = { expression = "cron(0 3 * * ? *)", input = { query = "SELECT 1", type = "mutate", segment_name = "x" } } } }

  expect_failures = [var.schedules]
}

run "rejects_a_schedule_of_another_type_expression_zone_or_key" {
  command = plan

  variables {
    schedules = {
      "Every Night" = { expression = "at night", time_zone = "Berlin time", input = { query = "SELECT 1", type = "both", segment_name = "x" } }
    }
  }

  expect_failures = [var.schedules]
}

run "rejects_timeouts_of_no_minutes" {
  command = plan

  variables { timeouts = { query_minutes = 0 } }

  expect_failures = [var.timeouts]
}

run "rejects_a_subscription_to_notifications_that_are_never_published" {
  command = plan

  variables {
    subscriptions = { owner = { protocol = "email", endpoint = "owner@example.com", notification_types = ["started"] } }
  }

  expect_failures = [var.subscriptions]
}

run "rejects_limits_that_athena_and_s3_do_not_take" {
  command = plan

  variables { athena = { scan_limit_mb = 1, results_days = 0 } }

  expect_failures = [var.athena]
}

run "fits_the_longest_name_into_every_aws_name" {
  command = plan

  variables {
    name      = "exactly-26-characters-long"
    schedules = { "thirty-characters-at-the-most1" = { expression = "rate(1 hour)", input = { query = "SELECT 1", segment_name = "x" } } }
  }

  assert {
    condition     = length(var.name) == 26
    error_message = "The name must be as long as the rule allows."
  }
}

run "rejects_a_longer_name_a_ratio_above_one_and_a_retention_that_cloudwatch_does_not_offer" {
  command = plan

  variables {
    name               = "at-27-characters-it-is-long"
    max_failure_ratio  = 5
    log_retention_days = 31
  }

  expect_failures = [var.name, var.max_failure_ratio, var.log_retention_days]
}
