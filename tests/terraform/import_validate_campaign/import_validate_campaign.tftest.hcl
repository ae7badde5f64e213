mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name              = "chain"
  pinpoint          = { project_id = "app1" }
  sms_template_name = "greeting"
  import            = { topic_arn = "arn:aws:sns:eu-west-1:111122223333:import" }
  validate = {
    state_machine_arn = "arn:aws:states:eu-west-1:111122223333:stateMachine:validate"
    topic_arn         = "arn:aws:sns:eu-west-1:111122223333:validate"
  }
  campaign = { state_machine_arn = "arn:aws:states:eu-west-1:111122223333:stateMachine:campaign" }
}

run "starts_each_stage_from_the_success_of_the_one_before" {
  command = apply

  assert {
    condition = alltrue([
      aws_sns_topic_subscription.stage["validate"].topic_arn == var.import.topic_arn,
      aws_sns_topic_subscription.stage["campaign"].topic_arn == var.validate.topic_arn,
    ])
    error_message = "Validation must follow the import, the campaign the validation."
  }

  assert {
    condition = alltrue([for subscription in aws_sns_topic_subscription.stage : alltrue([
      jsondecode(subscription.filter_policy) == { notification_type = ["success"] },
      subscription.filter_policy_scope == "MessageAttributes",
      jsondecode(subscription.redrive_policy).deadLetterTargetArn == module.undelivered.queue_arn,
    ])])
    error_message = "Only successes must start a stage, and what SNS cannot deliver must be kept."
  }

  assert {
    condition = alltrue([
      data.aws_iam_policy_document.start["validate"].statement[0].resources == toset([var.validate.state_machine_arn]),
      data.aws_iam_policy_document.start["campaign"].statement[0].resources == toset([var.campaign.state_machine_arn]),
    ])
    error_message = "Each function must start its own stage only."
  }

  assert {
    condition     = join(" ", keys(output.dead_letter_queue_urls)) == "campaign notifications validate"
    error_message = "Every arrow must end in a dead-letter queue."
  }
}

run "starts_an_encrypted_stage_with_the_key_of_its_state_machine" {
  command = plan

  variables {
    kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/chain" }
    validate = {
      state_machine_arn = "arn:aws:states:eu-west-1:111122223333:stateMachine:validate"
      topic_arn         = "arn:aws:sns:eu-west-1:111122223333:validate"
      kms_key           = { arn = "arn:aws:kms:eu-west-1:111122223333:key/validate" }
    }
  }

  assert {
    condition = [for statement in data.aws_iam_policy_document.start["validate"].statement : [join(" ", sort(statement.actions)), join(" ", statement.resources)] if statement.sid == "UseTheKeyOfTheStage"] == [
      ["kms:Decrypt kms:GenerateDataKey", "arn:aws:kms:eu-west-1:111122223333:key/validate"],
    ]
    error_message = "Step Functions encrypts the input of an execution with the permissions of the caller."
  }

  assert {
    condition     = !contains([for statement in data.aws_iam_policy_document.start["campaign"].statement : statement.sid], "UseTheKeyOfTheStage")
    error_message = "A stage without a key needs no permission for one."
  }
}

run "reaches_mobile_prepaid_and_voip_numbers_unless_told" {
  command = plan

  assert {
    condition     = local.stages.campaign.environment.PHONE_TYPES == "MOBILE,PREPAID,VOIP" && !contains(keys(local.stages.campaign.environment), "MAX_RECIPIENTS")
    error_message = "These three types can receive SMS; no size is guarded by default."
  }
}

run "guards_the_size_of_a_campaign" {
  command = plan

  variables { max_recipients = 0 }

  assert {
    condition     = local.stages.campaign.environment.MAX_RECIPIENTS == "0"
    error_message = "The guard must reach the function."
  }
}

run "rejects_invalid_numbers_as_an_audience" {
  command = plan

  variables { phone_types = ["INVALID"] }

  expect_failures = [var.phone_types]
}

run "rejects_an_audience_of_no_type" {
  command = plan

  variables { phone_types = [] }

  expect_failures = [var.phone_types]
}

run "rejects_a_template_name_that_cannot_be" {
  command = plan

  variables { sms_template_name = "two words" }

  expect_failures = [var.sms_template_name]
}

run "rejects_a_negative_delay" {
  command = plan

  variables { delay_minutes = -1 }

  expect_failures = [var.delay_minutes]
}

run "rejects_a_fraction_of_a_recipient" {
  command = plan

  variables { max_recipients = 0.5 }

  expect_failures = [var.max_recipients]
}

run "rejects_a_template_of_a_file_that_cannot_be" {
  command = plan

  variables { templates_by_file_prefix = { spring = "spring sale" } }

  expect_failures = [var.templates_by_file_prefix]
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
