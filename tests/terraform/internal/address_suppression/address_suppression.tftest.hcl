mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name         = "feedback"
  event_source = "ses_event_processing"
}

run "makes_both_tables_and_allows_no_more_than_is_done" {
  command = apply

  assert {
    condition = alltrue([
      aws_dynamodb_table.address[0].hash_key == "address",
      aws_dynamodb_table.address[0].point_in_time_recovery[0].enabled,
      aws_dynamodb_table.feedback.hash_key == "feedback_id",
      aws_dynamodb_table.feedback.range_key == "address",
      aws_dynamodb_table.feedback.ttl[0].attribute_name == "expires_at",
    ])
    error_message = "Addresses must be kept and recoverable; the records against copies must expire."
  }

  assert {
    condition = output.environment == {
      ADDRESS_TABLE                 = "feedback-addresses"
      EVENT_BUS_NAME                = "default"
      EVENT_SOURCE                  = "ses_event_processing"
      FEEDBACK_TABLE                = "feedback-feedback"
      TRANSIENT_BOUNCES_LIMIT       = "3"
      TRANSIENT_BOUNCES_WINDOW_DAYS = "7"
    }
    error_message = "The functions must find the tables, the bus and the limit."
  }

  assert {
    condition = { for statement in data.aws_iam_policy_document.suppress.statement : statement.sid => [statement.actions, statement.resources] } == {
      PutAddressesOnTheSuppressionList = [toset(["ses:PutSuppressedDestination"]), toset(["*"])]
      ReadBothTables                   = [toset(["dynamodb:BatchGetItem"]), toset([aws_dynamodb_table.feedback.arn, aws_dynamodb_table.address[0].arn])]
      RecordAddresses                  = [toset(["dynamodb:UpdateItem"]), toset([aws_dynamodb_table.address[0].arn])]
      RecordFeedback                   = [toset(["dynamodb:PutItem"]), toset([aws_dynamodb_table.feedback.arn])]
      TellOtherSystems                 = [toset(["events:PutEvents"]), toset(["arn:aws:events:eu-west-1:111122223333:event-bus/default"])]
    }
    error_message = "Every action must be named, and for its own resource; only the account's suppression list has no resource."
  }

  assert {
    condition     = jsondecode(output.event_pattern) == { source = ["ses_event_processing"], detail-type = ["Address Suppressed"] }
    error_message = "A rule with the pattern must match the event of every suppressed address."
  }
}

run "writes_into_a_table_of_the_customer_s" {
  command = plan

  variables {
    operations = { kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/ours" } }
    address_table = {
      name    = "people"
      arn     = "arn:aws:dynamodb:eu-west-1:111122223333:table/people"
      kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/theirs" }
    }
    event_bus_name    = "crm"
    transient_bounces = { limit = 5 }
  }

  assert {
    condition     = length(aws_dynamodb_table.address) == 0 && output.address_table_name == "people"
    error_message = "With an existing table the module must create no table."
  }

  assert {
    condition = anytrue([
      for statement in data.aws_iam_policy_document.suppress.statement :
      statement.sid == "UseTheKeysOfTheTables" && statement.resources == toset([var.operations.kms_key.arn, var.address_table.kms_key.arn])
    ])
    error_message = "Both tables' keys must be usable."
  }

  assert {
    condition     = output.environment.EVENT_BUS_NAME == "crm" && output.environment.TRANSIENT_BOUNCES_LIMIT == "5" && output.environment.TRANSIENT_BOUNCES_WINDOW_DAYS == "7"
    error_message = "The given bus and limit must be used."
  }
}

run "rejects_a_bus_by_its_arn" {
  command = plan

  variables { event_bus_name = "arn:aws:events:eu-west-1:111122223333:event-bus/crm" }

  expect_failures = [var.event_bus_name]
}

run "rejects_a_source_of_aws" {
  command = plan

  variables { event_source = "aws.ses" }

  expect_failures = [var.event_source]
}

run "rejects_what_is_no_table" {
  command = plan

  variables { address_table = { name = "people", arn = "people" } }

  expect_failures = [var.address_table]
}

run "rejects_a_limit_of_no_bounces_and_a_window_of_no_days" {
  command = plan

  variables { transient_bounces = { limit = 0, window_days = 0 } }

  expect_failures = [var.transient_bounces]
}

run "rejects_a_name_that_a_table_cannot_have" {
  command = plan

  variables { name = "feed back" }

  expect_failures = [var.name]
}
