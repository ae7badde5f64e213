mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name = "import"
}

run "keeps_dead_letters_for_14_days_and_raises_an_alarm" {
  command = plan

  assert {
    condition     = aws_sqs_queue.this.name == "import-dead-letter" && aws_sqs_queue.this.message_retention_seconds == 1209600
    error_message = "Dead letters must be kept as long as SQS can."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.this.threshold == 0 && aws_cloudwatch_metric_alarm.this.metric_name == "ApproximateNumberOfMessagesVisible" && length(aws_cloudwatch_metric_alarm.this.alarm_actions) == 0
    error_message = "One visible message must raise the alarm, also without a topic."
  }

  assert {
    condition     = aws_sqs_queue.this.sqs_managed_sse_enabled && aws_sqs_queue.this.kms_master_key_id == null
    error_message = "Without a key SQS encrypts with its own, which services can use."
  }
}

run "only_refuses_by_default" {
  command = plan

  assert {
    condition     = [for statement in jsondecode(aws_sqs_queue.this.policy).Statement : statement.Effect] == ["Deny"]
    error_message = "No service may send unless it is named."
  }
}

run "takes_messages_from_a_named_publisher_for_its_source_only" {
  command = plan

  variables {
    operations = {
      alarm   = { topic_arn = "arn:aws:sns:eu-west-1:111122223333:operators" }
      kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/k" }
    }
    publishers = {
      import-rule = { service = "events.amazonaws.com", source_arn = "arn:aws:events:eu-west-1:111122223333:rule/import" }
    }
  }

  assert {
    condition = alltrue([
      jsondecode(aws_sqs_queue.this.policy).Statement[1].Sid == "TakeImportRule",
      jsondecode(aws_sqs_queue.this.policy).Statement[1].Principal.Service == "events.amazonaws.com",
      jsondecode(aws_sqs_queue.this.policy).Statement[1].Condition.ArnLike["aws:SourceArn"] == "arn:aws:events:eu-west-1:111122223333:rule/import",
      jsondecode(aws_sqs_queue.this.policy).Statement[1].Resource == "arn:aws:sqs:eu-west-1:111122223333:import-dead-letter",
    ])
    error_message = "The service may send to this queue, for this source, and nothing else."
  }

  assert {
    condition     = join(" ", aws_cloudwatch_metric_alarm.this.alarm_actions) == var.operations.alarm.topic_arn
    error_message = "The alarm must notify the topic."
  }

  assert {
    condition     = aws_sqs_queue.this.kms_master_key_id == var.operations.kms_key.arn
    error_message = "With a key the queue must use it."
  }
}

run "rejects_a_retention_that_sqs_cannot_keep" {
  command = plan

  variables {
    message_retention_days = 15
  }

  expect_failures = [var.message_retention_days]
}

run "rejects_a_name_that_leaves_no_room" {
  command = plan

  variables {
    name = "a-queue-name-of-more-than-sixty-eight-characters-that-leaves-no-room-"
  }

  expect_failures = [var.name]
}
