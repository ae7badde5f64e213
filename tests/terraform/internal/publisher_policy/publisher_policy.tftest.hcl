mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  service    = "sqs"
  name       = "work"
  publishers = {}
}

run "only_refuses_where_nobody_is_named" {
  command = plan

  assert {
    condition = jsondecode(output.policy_json).Statement == [{
      Sid       = "RefuseUnencryptedTransport"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = "arn:aws:sqs:eu-west-1:111122223333:work"
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
    error_message = "No service may send unless it is named, and no request without TLS."
  }
}

run "lets_each_publisher_in_for_its_own_source" {
  command = plan

  variables {
    publishers = {
      import-rule = { service = "events.amazonaws.com", source_arn = "arn:aws:events:eu-west-1:111122223333:rule/import" }
      feedback    = { service = "sns.amazonaws.com", source_arn = "arn:aws:sns:eu-west-1:111122223333:feedback" }
    }
  }

  assert {
    condition = slice(jsondecode(output.policy_json).Statement, 1, 3) == [
      {
        Sid       = "TakeFeedback"
        Effect    = "Allow"
        Principal = { Service = "sns.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = "arn:aws:sqs:eu-west-1:111122223333:work"
        Condition = { ArnLike = { "aws:SourceArn" = "arn:aws:sns:eu-west-1:111122223333:feedback" } }
      },
      {
        Sid       = "TakeImportRule"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = "arn:aws:sqs:eu-west-1:111122223333:work"
        Condition = { ArnLike = { "aws:SourceArn" = "arn:aws:events:eu-west-1:111122223333:rule/import" } }
      },
    ]
    error_message = "A service may send for the source it is named with, and for no other."
  }
}

run "speaks_of_publishing_where_a_topic_carries_it" {
  command = plan

  variables {
    service    = "sns"
    publishers = { feedback = { service = "ses.amazonaws.com", source_arn = "arn:aws:ses:eu-west-1:111122223333:identity/example.com" } }
  }

  assert {
    condition     = [for statement in jsondecode(output.policy_json).Statement : statement.Action] == ["sns:Publish", "sns:Publish"]
    error_message = "SNS takes no wildcard over all its actions in a topic's policy."
  }

  assert {
    condition = jsondecode(output.policy_json).Statement[1].Condition == {
      ArnLike      = { "aws:SourceArn" = "arn:aws:ses:eu-west-1:111122223333:identity/example.com" }
      StringEquals = { "aws:SourceAccount" = "111122223333" }
    }
    error_message = "A service may publish for this source of this account, and for no other."
  }

  assert {
    condition     = one(distinct([for statement in jsondecode(output.policy_json).Statement : statement.Resource])) == "arn:aws:sns:eu-west-1:111122223333:work"
    error_message = "The policy must name the topic that it belongs to."
  }
}

run "rejects_a_service_without_resource_policies_of_this_kind" {
  command = plan

  variables { service = "kinesis" }

  expect_failures = [var.service]
}
