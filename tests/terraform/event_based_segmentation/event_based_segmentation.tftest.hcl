mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name         = "news-segments"
  event_stream = { stream_arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/news" }
  pinpoint = {
    project_id = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
    api        = { url = "https://hub.example.com", execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:hub" }
  }
}

run "is_invoked_for_events_that_a_rule_is_about_and_for_nothing_else" {
  command = plan

  assert {
    condition = jsondecode(module.subscriber.mapping.filter_pattern) == {
      data = { event_type = ["_email.open", "_email.unsubscribe", "cancelled_webinar5", "registered_for_webinar5"] }
    }
    error_message = "Every other event would cost an invocation."
  }

  assert {
    condition = alltrue([
      module.subscriber.mapping.batch_size == 1000,
      module.subscriber.mapping.window_seconds == 2,
      module.subscriber.mapping.parallelization_factor == 1,
    ])
    error_message = "Two batches of a shard at a time could overwrite each other's values."
  }
}

run "ships_the_rules_that_marketers_are_told_about_and_their_removals" {
  command = plan

  assert {
    condition = alltrue([
      var.rules.email_opened.endpoint.set.email_opened == tolist(["true"]),
      var.rules.webinar5_registered.endpoint.add.webinar_registration == tolist(["webinar5"]),
      var.rules.webinar5_cancelled.endpoint.remove.webinar_registration == tolist(["webinar5"]),
      var.rules.unsubscribed.endpoint.clear == tolist(["email_opened"]),
    ])
    error_message = "The attribute is email_opened, and a segment can be left again."
  }
}

run "gives_the_function_new_rules_by_a_new_id" {
  command = plan

  assert {
    condition     = jsondecode(aws_dynamodb_table_item.settings.item).id.S == "settings#${sha256(jsondecode(aws_dynamodb_table_item.settings.item).settings.S)}"
    error_message = "A running function would keep the old rules."
  }

  assert {
    condition     = jsondecode(jsondecode(aws_dynamodb_table_item.settings.item).settings.S).machine_opens == null
    error_message = "Every open counts unless the caller says otherwise."
  }
}

run "leaves_out_the_machines_that_are_known" {
  command = plan

  variables { machine_opens = {} }

  assert {
    condition = jsondecode(jsondecode(aws_dynamodb_table_item.settings.item).settings.S).machine_opens == {
      equals   = ["Mozilla/5.0"]
      contains = ["GoogleImageProxy", "YahooMailProxy"]
    }
    error_message = "Apple, Gmail and Yahoo fetch images for their users."
  }
}

run "reaches_the_endpoints_of_one_project_and_one_table" {
  command = apply

  assert {
    condition = tolist(data.aws_iam_policy_document.changes.statement[*].resources) == tolist([
      toset([aws_dynamodb_table.changes.arn]), toset([aws_dynamodb_table.changes.arn])
    ])
    error_message = "The function must reach no other table."
  }

  assert {
    condition     = output.dead_letter_queue_urls == { records = module.subscriber.dead_letter_queue_url }
    error_message = "An operator needs the queue to redrive."
  }
}

run "notifies_of_rules_that_make_values_no_attribute_can_have" {
  command = plan

  variables { alarm = { topic_arn = "arn:aws:sns:eu-west-1:111122223333:oncall" } }

  assert {
    condition = alltrue([
      aws_cloudwatch_metric_alarm.refused_values.metric_name == "RefusedValues",
      one(aws_cloudwatch_metric_alarm.refused_values.alarm_actions) == "arn:aws:sns:eu-west-1:111122223333:oncall",
    ])
    error_message = "Values would be lost without a notice."
  }
}

run "takes_rules_with_conditions_placeholders_and_an_end" {
  command = plan

  variables {
    rules = {
      big_spender = {
        event_type = "bought"
        attributes = { kind = { values = ["shoes"], type = "CONTAINS" } }
        metrics    = { price = { comparison = "GREATER_THAN", value = 100 } }
        user       = { add = { kinds = ["{{attributes.kind}}", "{{ metrics.price }} on {{event_time}}"] } }
        until      = "2027-01-31T00:00:00Z"
      }
    }
  }

  assert {
    condition     = output.event_types == tolist(["bought"])
    error_message = "The filter must follow the rules."
  }
}

run "rejects_no_rules" {
  command = plan

  variables { rules = {} }

  expect_failures = [var.rules]
}

run "rejects_a_rule_without_a_change" {
  command = plan

  variables { rules = { idle = { event_type = "bought" } } }

  expect_failures = [var.rules]
}

run "rejects_a_rule_without_an_event_type" {
  command = plan

  variables { rules = { any = { event_type = "", endpoint = { clear = ["seen"] } } } }

  expect_failures = [var.rules]
}

run "rejects_more_event_types_than_a_filter_takes" {
  command = plan

  variables {
    rules = { for number in range(200) : "r${number}" => {
      event_type = "registered_for_webinar_${number}", endpoint = { clear = ["seen"] }
    } }
  }

  expect_failures = [var.rules]
}

run "rejects_a_name_that_no_endpoint_keeps" {
  command = plan

  variables {
    rules = { any = { event_type = "bought", endpoint = { add = { "an_attribute_whose_name_has_more_than_fifty_characters" = ["x"] } } } }
  }

  expect_failures = [var.rules]
}

run "rejects_a_value_that_no_endpoint_keeps" {
  command = plan

  variables {
    rules = { any = { event_type = "bought", user = { set = { seen = [join("", [for number in range(101) : "x"])] } } } }
  }

  expect_failures = [var.rules]
}

run "rejects_an_empty_list_in_place_of_clear" {
  command = plan

  variables { rules = { any = { event_type = "bought", endpoint = { set = { seen = [] } } } } }

  expect_failures = [var.rules]
}

run "rejects_an_unknown_placeholder" {
  command = plan

  variables { rules = { any = { event_type = "bought", endpoint = { add = { seen = ["{{event.link}}"] } } } } }

  expect_failures = [var.rules]
}

run "rejects_a_placeholder_that_is_not_closed" {
  command = plan

  variables { rules = { any = { event_type = "bought", endpoint = { add = { seen = ["{{attributes.link"] } } } } }

  expect_failures = [var.rules]
}

run "rejects_a_rule_that_sets_and_adds_to_one_attribute" {
  command = plan

  variables {
    rules = { any = { event_type = "bought", endpoint = { set = { seen = ["a"] }, add = { seen = ["b"] } } } }
  }

  expect_failures = [var.rules]
}

run "rejects_a_condition_of_an_unknown_type" {
  command = plan

  variables {
    rules = { any = { event_type = "bought", attributes = { kind = { values = ["shoes"], type = "BEFORE" } }, endpoint = { clear = ["seen"] } } }
  }

  expect_failures = [var.rules]
}

run "rejects_a_condition_without_a_value" {
  command = plan

  variables {
    rules = { any = { event_type = "bought", attributes = { kind = { values = [] } }, endpoint = { clear = ["seen"] } } }
  }

  expect_failures = [var.rules]
}

run "rejects_an_unknown_comparison" {
  command = plan

  variables {
    rules = { any = { event_type = "bought", metrics = { price = { comparison = ">", value = 1 } }, endpoint = { clear = ["seen"] } } }
  }

  expect_failures = [var.rules]
}

run "rejects_an_end_that_is_no_instant" {
  command = plan

  variables { rules = { any = { event_type = "bought", endpoint = { clear = ["seen"] }, until = "next year" } } }

  expect_failures = [var.rules]
}

run "rejects_machine_opens_that_leave_nothing_out" {
  command = plan

  variables { machine_opens = { equals = [], contains = [] } }

  expect_failures = [var.machine_opens]
}

run "rejects_an_empty_part_of_a_user_agent" {
  command = plan

  variables { machine_opens = { contains = [""] } }

  expect_failures = [var.machine_opens]
}

run "rejects_batches_that_take_longer_than_the_function_may" {
  command = plan

  variables { batches = { size = 5001, window_seconds = 301 } }

  expect_failures = [var.batches]
}

run "rejects_a_stream_that_is_no_arn" {
  command = plan

  variables { event_stream = { stream_arn = "stream/news" } }

  expect_failures = [var.event_stream]
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
