mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name              = "feedback"
  configuration_set = { name = "tracked" }
}

run "takes_feedback_from_event_bridge_for_the_configuration_sets_that_are_named" {
  command = apply

  variables {
    event_bridge = { configuration_sets = ["newsletter"] }
  }

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.feedback[0].event_pattern) == {
      source      = ["aws.ses"]
      detail-type = ["Email Bounced", "Email Complaint Received"]
      detail      = { mail = { tags = { "ses:configuration-set" = ["newsletter"] } } }
    }
    error_message = "The rule must match bounces and complaints of these configuration sets."
  }

  assert {
    condition = alltrue([
      aws_cloudwatch_event_target.feedback[0].arn == module.queue.queue_arn,
      one(aws_cloudwatch_event_target.feedback[0].dead_letter_config).arn == module.undelivered.queue_arn,
      local.rule_publishes.event-bridge == { service = "events.amazonaws.com", source_arn = aws_cloudwatch_event_rule.feedback[0].arn },
    ])
    error_message = "EventBridge must be let into the queue and its dead-letter queue, by this rule alone."
  }
}

run "takes_feedback_from_event_bridge_alone" {
  command = plan

  variables {
    configuration_set = null
    identities        = null
    event_bridge      = {}
  }

  assert {
    condition     = !strcontains(aws_cloudwatch_event_rule.feedback[0].event_pattern, "detail\":")
    error_message = "Without names every configuration set counts."
  }
}

run "makes_no_rule_without_event_bridge" {
  command = plan

  assert {
    condition     = length(aws_cloudwatch_event_rule.feedback) + length(local.rule_publishes) == 0
    error_message = "Null must create no rule."
  }
}

run "rejects_a_configuration_set_of_event_bridge_that_is_an_arn" {
  command = plan

  variables {
    event_bridge = { configuration_sets = ["arn:aws:ses:eu-west-1:111122223333:configuration-set/news"] }
  }

  expect_failures = [var.event_bridge]
}

run "rejects_more_configuration_sets_than_an_event_pattern_holds" {
  command = plan

  variables {
    event_bridge = { configuration_sets = [for number in range(40) : "a-configuration-set-with-a-name-of-some-length-${number}"] }
  }

  expect_failures = [var.event_bridge]
}

run "leads_feedback_from_ses_to_the_function_and_failures_to_queues" {
  command = apply

  assert {
    condition = alltrue([
      one(one(aws_sesv2_configuration_set_event_destination.this[0].event_destination).sns_destination).topic_arn == module.topic.topic_arn,
      one(aws_sesv2_configuration_set_event_destination.this[0].event_destination).matching_event_types == toset(["BOUNCE", "COMPLAINT"]),
      aws_sns_topic_subscription.queue.endpoint == module.queue.queue_arn,
    ])
    error_message = "Bounces and complaints must go to the topic and from there to the queue."
  }

  assert {
    condition = alltrue([
      aws_lambda_event_source_mapping.queue.function_response_types == toset(["ReportBatchItemFailures"]),
      jsondecode(aws_sns_topic_subscription.queue.redrive_policy).deadLetterTargetArn == module.undelivered.queue_arn,
    ])
    error_message = "A failed message must be redelivered alone, and an undelivered notification be kept."
  }

  assert {
    condition = local.publishers == tomap({
      configuration-set = { service = "ses.amazonaws.com", source_arn = "arn:aws:ses:eu-west-1:111122223333:configuration-set/tracked" }
      identities        = { service = "ses.amazonaws.com", source_arn = "arn:aws:ses:eu-west-1:111122223333:identity/*" }
    })
    error_message = "SES must be let in for this configuration set and this account's identities, so that the topic gets a key that SES can use."
  }

  assert {
    condition = { for key, alarm in aws_cloudwatch_metric_alarm.reputation : key => [alarm.namespace, alarm.metric_name, alarm.threshold] } == {
      bounce-rate    = ["AWS/SES", "Reputation.BounceRate", 0.05]
      complaint-rate = ["AWS/SES", "Reputation.ComplaintRate", 0.001]
    }
    error_message = "Alarms must go off at the rates at which SES reviews an account."
  }

  assert {
    condition     = output.configuration_set_name == "tracked" && output.address_table_name == "feedback-addresses"
    error_message = "Senders and readers must learn the names."
  }
}

run "takes_a_configuration_set_that_is_there" {
  command = plan

  variables {
    configuration_set     = { name = "theirs", create = false }
    identities            = null
    reputation_thresholds = { bounce_rate = 0.02 }
    alarm                 = { topic_arn = "arn:aws:sns:eu-west-1:111122223333:alarms" }
  }

  assert {
    condition     = length(aws_sesv2_configuration_set.this) == 0 && output.configuration_set_name == "theirs"
    error_message = "With create = false nothing but the event destination is made."
  }

  assert {
    condition     = join(",", keys(local.publishers)) == "configuration-set" && output.dead_letter_queue_urls.identities == null
    error_message = "Without identities SES has no business with the topic for them."
  }

  assert {
    condition = alltrue([
      aws_cloudwatch_metric_alarm.reputation["bounce-rate"].threshold == 0.02,
      aws_cloudwatch_metric_alarm.reputation["complaint-rate"].threshold == 0.001,
      aws_cloudwatch_metric_alarm.reputation["bounce-rate"].alarm_actions == toset([var.alarm.topic_arn]),
    ])
    error_message = "A given threshold must apply, the other threshold stay, and the alarm notify the topic."
  }
}

run "works_for_identities_alone" {
  command = plan

  variables { configuration_set = null }

  assert {
    condition     = output.configuration_set_name == null && join(",", keys(local.publishers)) == "identities"
    error_message = "Without a configuration set nothing of one must be made."
  }
}

run "rejects_no_source_at_all" {
  command = plan

  variables {
    configuration_set = null
    identities        = null
  }

  expect_failures = [var.configuration_set]
}

run "rejects_inputs_that_cannot_work" {
  command = plan

  variables {
    name                  = "Feedback_Of_SES"
    configuration_set     = { name = "arn:aws:ses:eu-west-1:111122223333:configuration-set/tracked" }
    event_bus_name        = "arn:aws:events:eu-west-1:111122223333:event-bus/crm"
    reputation_thresholds = { bounce_rate = 5 }
    transient_bounces     = { limit = 0 }
    address_table         = { name = "people", arn = "people" }
  }

  expect_failures = [
    var.name,
    var.configuration_set,
    var.event_bus_name,
    var.reputation_thresholds,
    var.transient_bounces,
    var.address_table,
  ]
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
