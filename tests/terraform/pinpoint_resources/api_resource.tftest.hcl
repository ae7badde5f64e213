mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name     = "import-resources"
  pinpoint = { project_id = "0123456789abcdef0123456789abcdef" }
  resources = {
    greeting = { type = "SmsTemplate", properties = "{\"TemplateName\":\"greeting\",\"Body\":\"Hello\"}" }
  }
}

run "asks_the_function_for_each_resource" {
  command = plan

  assert {
    condition     = aws_lambda_invocation.this["greeting"].lifecycle_scope == "CRUD"
    error_message = "The function must hear of updates and of the end, too."
  }

  assert {
    condition = {
      for name in ["owner", "project_id", "type"] : name => jsondecode(aws_lambda_invocation.this["greeting"].input)[name]
      } == {
      owner      = "import-resources/greeting"
      project_id = "0123456789abcdef0123456789abcdef"
      type       = "SmsTemplate"
    }
    error_message = "The function must hear what to manage, where, and for whom."
  }

  assert {
    condition     = jsondecode(aws_lambda_invocation.this["greeting"].input).properties == { TemplateName = "greeting", Body = "Hello" }
    error_message = "The properties must arrive as they are."
  }
}

run "allows_what_the_types_need_and_no_more" {
  command = plan

  assert {
    condition     = keys(local.policies) == ["pinpoint"]
    error_message = "A template needs Pinpoint operations only."
  }

  assert {
    condition     = toset(local.operations) == toset(local.operations_of["SmsTemplate"])
    error_message = "Only the operations of the types in use are allowed."
  }
}

run "passes_the_streams_role_to_amazon_pinpoint" {
  command = plan

  variables {
    resources = {
      stream = {
        type       = "EventStream"
        properties = "{\"DestinationStreamArn\":\"arn:aws:kinesis:eu-west-1:111122223333:stream/events\",\"RoleArn\":\"arn:aws:iam::111122223333:role/engagement-hub/stream\"}"
      }
    }
  }

  assert {
    condition     = join(" ", data.aws_iam_policy_document.pass_stream_role[0].statement[0].resources) == "arn:aws:iam::111122223333:role/engagement-hub/stream"
    error_message = "Only the stream's role may be passed."
  }
}

run "passes_no_role_to_a_hub_which_assumes_it_itself" {
  command = plan

  variables {
    pinpoint = {
      project_id = "0123456789abcdef0123456789abcdef"
      api = {
        url           = "https://hub.execute-api.eu-west-1.amazonaws.com"
        execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:hub"
      }
    }
    resources = {
      stream = {
        type       = "EventStream"
        properties = "{\"DestinationStreamArn\":\"arn:aws:kinesis:eu-west-1:111122223333:stream/events\",\"RoleArn\":\"arn:aws:iam::111122223333:role/engagement-hub/stream\"}"
      }
    }
  }

  assert {
    condition     = keys(local.policies) == ["pinpoint"]
    error_message = "There is nobody to pass the role to."
  }
}

run "manages_event_destinations_of_the_named_configuration_set_only" {
  command = plan

  variables {
    resources = {
      events = {
        type       = "SmsConfigurationSetEventDestination"
        properties = "{\"ConfigurationSetName\":\"texts\",\"EventDestinationName\":\"all\",\"MatchingEventTypes\":[\"ALL\"],\"KinesisFirehoseDestination\":{\"IamRoleArn\":\"arn:aws:iam::111122223333:role/sms-events\",\"DeliveryStreamArn\":\"arn:aws:firehose:eu-west-1:111122223333:deliverystream/sms\"}}"
      }
    }
  }

  assert {
    condition     = keys(local.policies) == ["sms-event-destinations"]
    error_message = "No Pinpoint operation is needed for it."
  }

  assert {
    condition     = join(" ", data.aws_iam_policy_document.sms_event_destinations[0].statement[0].resources) == "arn:aws:sms-voice:eu-west-1:111122223333:configuration-set/texts"
    error_message = "Other configuration sets are out of reach."
  }

  assert {
    condition     = join(" ", data.aws_iam_policy_document.sms_event_destinations[0].statement[2].resources) == "arn:aws:iam::111122223333:role/sms-events"
    error_message = "Only the destination's role may be passed."
  }
}

run "an_update_that_failed_does_not_look_done" {
  command = apply

  # The mocked result names no revision, as the state does after a failed update.
  expect_failures = [output.results]
}

run "rejects_a_type_that_is_not_managed" {
  command = plan

  variables {
    resources = { journey = { type = "Journey", properties = "{}" } }
  }

  expect_failures = [var.resources]
}

run "rejects_properties_that_are_no_object" {
  command = plan

  variables {
    resources = { greeting = { type = "SmsTemplate", properties = "[1]" } }
  }

  expect_failures = [var.resources]
}
