mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name = "import-notifications"
}

run "uses_the_managed_key_where_only_roles_publish" {
  command = plan

  assert {
    condition     = aws_sns_topic.this.kms_master_key_id == "alias/aws/sns" && length(aws_kms_key.this) == 0
    error_message = "A key of its own would cost money for nothing."
  }

  assert {
    condition     = [for statement in jsondecode(aws_sns_topic.this.policy).Statement : statement.Effect] == ["Deny"]
    error_message = "No service may publish unless it is named."
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this) == 0 && length(aws_sns_topic_subscription.this) == 0
    error_message = "A topic has neither an alarm nor a subscriber unless the caller asks for them."
  }
}

run "makes_a_key_that_service_publishers_can_use" {
  command = plan

  variables {
    operations = { alarm = { topic_arn = "arn:aws:sns:eu-west-1:111122223333:operators" } }
    service_publishers = {
      feedback = { service = "ses.amazonaws.com", source_arn = "arn:aws:ses:eu-west-1:111122223333:identity/example.com" }
    }
  }

  assert {
    condition     = length(aws_kms_key.this) == 1 && aws_kms_key.this[0].enable_key_rotation
    error_message = "A service cannot use alias/aws/sns."
  }

  assert {
    condition = [
      for statement in data.aws_iam_policy_document.key[0].statement : [
        one(statement.principals).identifiers,
        [for condition in statement.condition : [condition.test, condition.variable, condition.values]],
      ] if one(statement.principals).type == "Service"
    ] == [[toset(["ses.amazonaws.com"]), [["StringEquals", "aws:SourceAccount", tolist(["111122223333"])]]]]
    error_message = "The key must let the service in for this account, and for no other."
  }

  assert {
    condition     = jsondecode(aws_sns_topic.this.policy).Statement[1].Sid == "TakeFeedback" && jsondecode(aws_sns_topic.this.policy).Statement[1].Condition.ArnLike["aws:SourceArn"] == "arn:aws:ses:eu-west-1:111122223333:identity/example.com"
    error_message = "The service may publish for this source and no other."
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.this) == 0
    error_message = "A topic to notify must not add the alarm by itself."
  }
}

run "uses_the_callers_key" {
  command = plan

  variables {
    operations = { kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/k" } }
    service_publishers = {
      alarms = { service = "cloudwatch.amazonaws.com", source_arn = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:*" }
    }
  }

  assert {
    condition     = aws_sns_topic.this.kms_master_key_id == var.operations.kms_key.arn && length(aws_kms_key.this) == 0
    error_message = "A key that is given is the key that is used."
  }
}

run "detailed_alarms_show_failed_deliveries" {
  command = plan

  variables {
    operations = { alarm = { topic_arn = "arn:aws:sns:eu-west-1:111122223333:operators", detailed = true } }
  }

  assert {
    condition = alltrue([
      one(aws_cloudwatch_metric_alarm.this).metric_name == "NumberOfNotificationsFailed",
      one(aws_cloudwatch_metric_alarm.this).dimensions == tomap({ TopicName = "import-notifications" }),
      join(" ", one(aws_cloudwatch_metric_alarm.this).alarm_actions) == var.operations.alarm.topic_arn,
    ])
    error_message = "Failed deliveries must notify the topic of the alarms on request."
  }
}

run "subscribes_each_endpoint_and_narrows_where_it_is_asked_to" {
  command = apply

  variables {
    subscriptions = {
      owner    = { protocol = "email", endpoint = "owner@example.com" }
      pipeline = { protocol = "sqs", endpoint = "arn:aws:sqs:eu-west-1:111122223333:failures", notification_types = ["success", "failure"] }
    }
  }

  assert {
    condition = {
      for key, subscription in aws_sns_topic_subscription.this : key => [subscription.protocol, subscription.endpoint, subscription.topic_arn]
      } == {
      owner    = ["email", "owner@example.com", output.topic_arn]
      pipeline = ["sqs", "arn:aws:sqs:eu-west-1:111122223333:failures", output.topic_arn]
    }
    error_message = "Each subscription must bring the topic's notifications to its endpoint."
  }

  assert {
    condition     = aws_sns_topic_subscription.this["owner"].filter_policy == null
    error_message = "A subscription without types must get every notification."
  }

  assert {
    condition = alltrue([
      jsondecode(aws_sns_topic_subscription.this["pipeline"].filter_policy) == { notification_type = ["success", "failure"] },
      aws_sns_topic_subscription.this["pipeline"].filter_policy_scope == "MessageAttributes",
    ])
    error_message = "A subscription with types must get these alone: the type is an attribute of the message."
  }

  assert {
    condition     = one(aws_cloudwatch_metric_alarm.this[*].metric_name) == "NumberOfNotificationsFailed"
    error_message = "A notification that a subscription of the block does not take is lost: it needs an alarm."
  }
}

run "rejects_a_publisher_that_names_no_account_to_kms" {
  command = plan

  variables {
    service_publishers = {
      rule = { service = "events.amazonaws.com", source_arn = "arn:aws:events:eu-west-1:111122223333:rule/import" }
    }
  }

  expect_failures = [var.service_publishers]
}

run "rejects_a_name_with_a_dot" {
  command = plan

  variables {
    name = "import.fifo"
  }

  expect_failures = [var.name]
}
