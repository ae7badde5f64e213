mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name = "people"
}

run "rotates_and_waits_as_long_as_kms_allows_before_it_is_gone" {
  command = plan

  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 30
    error_message = "A deletion by mistake must be noticed in time: data under a deleted key is lost."
  }

  assert {
    condition     = output.alias_name == "alias/people"
    error_message = "People must find the key by the name."
  }
}

run "lets_each_service_in_for_this_account_only" {
  command = plan

  assert {
    condition = {
      for statement in data.aws_iam_policy_document.this.statement :
      join(" ", sort(one(statement.principals).identifiers)) => [join(" ", sort(statement.actions)), [for condition in statement.condition : "${condition.test} ${condition.variable} ${join(" ", condition.values)}"]]
      } == {
      "arn:aws:iam::111122223333:root" = ["kms:*", []]
      "logs.eu-west-1.amazonaws.com" = [
        "kms:Decrypt kms:Encrypt kms:GenerateDataKey* kms:ReEncrypt*",
        ["ArnLike kms:EncryptionContext:aws:logs:arn arn:aws:logs:eu-west-1:111122223333:log-group:*"],
      ]
      "delivery.logs.amazonaws.com" = [
        "kms:Decrypt",
        ["StringEquals kms:EncryptionContext:SourceArn arn:aws:logs:eu-west-1:111122223333:*"],
      ]
      "events.amazonaws.com" = [
        "kms:Decrypt kms:GenerateDataKey*",
        ["ArnLike kms:EncryptionContext:aws:sqs:arn arn:aws:sqs:eu-west-1:111122223333:*"],
      ]
      "sns.amazonaws.com" = [
        "kms:Decrypt kms:GenerateDataKey*",
        ["ArnLike aws:SourceArn arn:aws:sns:eu-west-1:111122223333:*"],
      ]
      "cloudfront.amazonaws.com" = [
        "kms:Decrypt",
        ["ArnLike aws:SourceArn arn:aws:cloudfront::111122223333:distribution/*"],
      ]
      "cloudwatch.amazonaws.com ses.amazonaws.com sms-voice.amazonaws.com" = [
        "kms:Decrypt kms:GenerateDataKey*",
        ["StringEquals aws:SourceAccount 111122223333"],
      ]
    }
    error_message = "Each service must have the actions that its guide names, for data of this account."
  }
}

run "lets_deployers_use_the_key_through_services_and_make_grants_for_services_only" {
  command = plan

  variables {
    deployers = { pipeline = "arn:aws:iam::111122223333:role/pipeline" }
  }

  assert {
    condition = {
      for statement in data.aws_iam_policy_document.this.statement : statement.sid => [join(" ", sort(statement.actions)), [for condition in statement.condition : "${condition.test} ${condition.variable}"]]
      if contains(one(statement.principals).identifiers, "arn:aws:iam::111122223333:role/pipeline")
      } == {
      DeployersMakeGrantsForServices    = ["kms:CreateGrant", ["Bool kms:GrantIsForAWSResource"]]
      DeployersUseTheKeyThroughServices = ["kms:Decrypt kms:DescribeKey kms:Encrypt kms:GenerateDataKey*", ["StringEquals kms:ViaService"]]
    }
    error_message = "A deployer must neither decrypt by itself nor hand the key on."
  }
}

run "rejects_a_session_a_shorter_wait_and_a_longer_name" {
  command = plan

  variables {
    name                 = "at-27-characters-it-is-long"
    deletion_window_days = 6
    deployers            = { me = "arn:aws:sts::111122223333:assumed-role/admin/me" }
  }

  expect_failures = [var.name, var.deletion_window_days, var.deployers]
}
