mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  function_name = "offers-attributes"
  campaign_role = { arn = "arn:aws:iam::111122223333:role/engagement-hub-functions/people-campaign" }
  pinpoint = {
    project_id = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
    api        = { url = "https://h1.execute-api.eu-west-1.amazonaws.com", execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:h1" }
  }
}

run "lets_the_campaign_role_of_a_hub_call_and_no_service" {
  command = apply

  assert {
    condition = alltrue([
      one(aws_lambda_permission.hub).principal == var.campaign_role.arn,
      one(aws_lambda_permission.hub).action == "lambda:InvokeFunction",
      length(aws_lambda_permission.pinpoint) + length(aws_lambda_permission.pinpoint_hook) == 0,
    ])
    error_message = "Only the campaigns of the hub may call."
  }
}

run "lets_amazon_pinpoint_call_for_one_project_of_the_account" {
  command = apply

  variables {
    campaign_role = null
    pinpoint      = { project_id = "a1b2c3d4e5f60718293a4b5c6d7e8f90" }
  }

  assert {
    condition = alltrue([
      one(aws_lambda_permission.pinpoint).principal == "pinpoint.eu-west-1.amazonaws.com",
      one(aws_lambda_permission.pinpoint).source_account == "111122223333",
      one(aws_lambda_permission.pinpoint).source_arn == "arn:aws:mobiletargeting:eu-west-1:111122223333:apps/a1b2c3d4e5f60718293a4b5c6d7e8f90/*",
      one(aws_lambda_permission.pinpoint_hook).source_account == "111122223333",
      one(aws_lambda_permission.pinpoint_hook).source_arn == "arn:aws:mobiletargeting:eu-west-1:111122223333:/apps/a1b2c3d4e5f60718293a4b5c6d7e8f90*",
      length(aws_lambda_permission.hub) == 0,
    ])
    error_message = "Campaigns of other projects and accounts must not call."
  }
}

run "asks_for_the_role_of_the_hub" {
  command = plan

  variables { campaign_role = null }

  expect_failures = [aws_lambda_permission.pinpoint]
}

run "refuses_a_role_for_amazon_pinpoint" {
  command = plan

  variables { pinpoint = { project_id = "a1b2c3d4e5f60718293a4b5c6d7e8f90" } }

  expect_failures = [aws_lambda_permission.hub]
}
