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
    condition     = aws_cloudwatch_metric_alarm.this.metric_name == "NumberOfNotificationsFailed" && length(aws_cloudwatch_metric_alarm.this.alarm_actions) == 0
    error_message = "Failed deliveries must raise an alarm."
  }
}

run "makes_a_key_that_service_publishers_can_use" {
  command = plan

  variables {
    alarm = { topic_arn = "arn:aws:sns:eu-west-1:111122223333:operators" }
    service_publishers = {
      feedback = { service = "ses.amazonaws.com", source_arn = "arn:aws:ses:eu-west-1:111122223333:identity/example.com" }
    }
  }

  assert {
    condition     = length(aws_kms_key.this) == 1 && aws_kms_key.this[0].enable_key_rotation
    error_message = "A service cannot use alias/aws/sns."
  }

  assert {
    condition     = contains(flatten([for statement in data.aws_iam_policy_document.key[0].statement : [for principal in statement.principals : tolist(principal.identifiers)]]), "ses.amazonaws.com")
    error_message = "The key must let the service in."
  }

  assert {
    condition     = jsondecode(aws_sns_topic.this.policy).Statement[1].Sid == "TakeFeedback" && jsondecode(aws_sns_topic.this.policy).Statement[1].Condition.ArnLike["aws:SourceArn"] == "arn:aws:ses:eu-west-1:111122223333:identity/example.com"
    error_message = "The service may publish for this source and no other."
  }

  assert {
    condition     = join(" ", aws_cloudwatch_metric_alarm.this.alarm_actions) == var.alarm.topic_arn
    error_message = "The alarm must notify the topic."
  }
}

run "uses_the_callers_key" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/k"
    service_publishers = {
      alarms = { service = "cloudwatch.amazonaws.com", source_arn = "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:*" }
    }
  }

  assert {
    condition     = aws_sns_topic.this.kms_master_key_id == var.kms_key_arn && length(aws_kms_key.this) == 0
    error_message = "A key that is given is the key that is used."
  }
}

run "rejects_a_name_with_a_dot" {
  command = plan

  variables {
    name = "import.fifo"
  }

  expect_failures = [var.name]
}
