mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name = "names"
  pinpoint = {
    project_id = "5f1c9a"
    api        = { url = "https://api.example.com", execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:api" }
  }
  entity_events = { event_bus_name = "engagement", source = "engagement_hub", detail_type = "Entity Changed" }
}

run "takes_the_changes_of_one_project_from_the_hub_s_bus" {
  command = apply

  assert {
    condition     = aws_cloudwatch_event_rule.changes.event_bus_name == "engagement"
    error_message = "The rule must be on the bus that the hub puts events on."
  }

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.changes.event_pattern) == {
      source      = ["engagement_hub"]
      detail-type = ["Entity Changed"]
      detail      = { applicationId = ["5f1c9a"] }
    }
    error_message = "Events of other services and projects must cause no message."
  }

  assert {
    condition     = flatten([for statement in data.aws_iam_policy_document.record.statement : sort(statement.actions)]) == ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "dynamodb:PutItem"]
    error_message = "An announcement holds the entity: the function that records it must read no row and call no API."
  }
}

run "takes_the_changes_of_a_pinpoint_project_from_cloudtrail_by_service_operation_project_and_success" {
  command = apply

  variables {
    pinpoint      = { project_id = "5f1c9a" }
    entity_events = null
  }

  assert {
    condition     = aws_cloudwatch_event_rule.changes.event_bus_name == "default"
    error_message = "CloudTrail sends events to the default bus."
  }

  assert {
    condition = alltrue([
      jsondecode(aws_cloudwatch_event_rule.changes.event_pattern).source == ["aws.pinpoint"],
      jsondecode(aws_cloudwatch_event_rule.changes.event_pattern).detail.eventSource == ["pinpoint.amazonaws.com"],
      jsondecode(aws_cloudwatch_event_rule.changes.event_pattern).detail.errorCode == [{ exists = false }],
      jsondecode(aws_cloudwatch_event_rule.changes.event_pattern).detail.requestParameters == { application-id = ["5f1c9a"] },
    ])
    error_message = "Calls of other services, of other projects, and calls that failed must cause no message."
  }

  assert {
    condition     = length(setsubtract(["UpdateCampaign", "UpdateJourneyState", "DeleteSegment"], jsondecode(aws_cloudwatch_event_rule.changes.event_pattern).detail.eventName)) == 0
    error_message = "Renamings, states of journeys and deletions must be recorded."
  }
}

run "keeps_names_in_two_tables_and_exports_nothing_by_default" {
  command = apply

  assert {
    condition     = output.campaigns_table_name == "names-campaigns" && output.segments_table_name == "names-segments"
    error_message = "The tables must have the module's name."
  }

  assert {
    condition     = alltrue([for table in aws_dynamodb_table.this : table.billing_mode == "PAY_PER_REQUEST" && table.point_in_time_recovery[0].enabled && table.server_side_encryption[0].enabled])
    error_message = "The tables must cost nothing at rest, and be encrypted and recoverable."
  }

  assert {
    condition     = length(aws_glue_catalog_table.names) == 0 && output.view_names == [] && length(data.aws_iam_policy_document.export) == 0
    error_message = "Without an event database there must be no file and no view."
  }

  assert {
    condition     = aws_scheduler_schedule.reconciliation.schedule_expression == "rate(1 hour)"
    error_message = "The tables must be compared with the project every hour."
  }
}

run "exports_names_to_an_event_database_and_joins_them_with_events" {
  command = apply

  variables {
    event_database = {
      athena_database    = "project"
      athena_workgroup   = "project-db"
      events_bucket_name = "project-db-events"
      kms_key            = { arn = "arn:aws:kms:eu-west-1:111122223333:key/2" }
    }
    connector = { catalog = "dynamodb" }
  }

  assert {
    condition     = output.view_names == ["all_email_events_with_names", "all_phone_events_with_names", "campaign_send_with_names", "email_send_with_names", "journey_send_with_names"]
    error_message = "Each view of events that has ids must have a view with names."
  }

  assert {
    condition     = [for table in aws_glue_catalog_table.names : table.storage_descriptor[0].location] == ["s3://project-db-events/names/campaigns_and_journeys/", "s3://project-db-events/names/segments/"]
    error_message = "Athena must read the exported files."
  }

  assert {
    condition     = flatten([for statement in data.aws_iam_policy_document.export[0].statement : statement.resources]) == ["arn:aws:s3:::project-db-events/names/*", "arn:aws:kms:eu-west-1:111122223333:key/2"]
    error_message = "The function must write exported files and nothing else, with the key of the database."
  }

  assert {
    condition     = strcontains(aws_athena_named_query.current_names[0].query, "\"dynamodb\".\"default\".\"names-campaigns\"")
    error_message = "The query of the connector must name its catalog and the table."
  }
}

run "keeps_what_could_not_be_recorded_or_delivered" {
  command = apply

  assert {
    condition     = keys(output.dead_letter_queue_urls) == ["changes", "undelivered"] && length(aws_cloudwatch_event_target.queue.dead_letter_config) == 1
    error_message = "Each path must end in a dead-letter queue."
  }

  assert {
    condition     = contains(aws_lambda_event_source_mapping.changes.function_response_types, "ReportBatchItemFailures") && aws_lambda_event_source_mapping.changes.scaling_config[0].maximum_concurrency == 2
    error_message = "One bad message must not fail the others, and a burst must leave other functions their concurrency."
  }
}

run "rejects_a_hub_s_events_for_a_project_of_pinpoint" {
  command = plan

  variables { pinpoint = { project_id = "5f1c9a" } }

  expect_failures = [var.entity_events]
}

run "rejects_a_schedule_that_scheduler_does_not_know" {
  command = plan

  variables { reconciliation = { schedule_expression = "every hour" } }

  expect_failures = [var.reconciliation]
}

run "rejects_a_rate_of_zero" {
  command = plan

  variables { reconciliation = { schedule_expression = "rate(0 minutes)" } }

  expect_failures = [var.reconciliation]
}

run "rejects_a_connector_without_a_database" {
  command = plan

  variables { connector = { catalog = "dynamodb" } }

  expect_failures = [var.connector]
}

run "rejects_a_catalog_that_is_no_name" {
  command = plan

  variables {
    connector      = { catalog = "lambda:names\"; DROP" }
    event_database = { athena_database = "project", athena_workgroup = "project-db", events_bucket_name = "project-db-events" }
  }

  expect_failures = [var.connector]
}

run "fits_the_longest_name_into_every_aws_name" {
  command = apply

  variables { name = "abcdefghijklmnopqrstuvwxyz" }

  assert {
    condition     = output.campaigns_table_name == "abcdefghijklmnopqrstuvwxyz-campaigns"
    error_message = "A name of 26 characters must do."
  }
}
