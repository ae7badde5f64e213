mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name = "load"
  sending = {
    identity_arns      = ["arn:aws:ses:eu-west-1:111122223333:identity/example.com"]
    configuration_sets = ["tracked"]
    templates          = ["SimpleEmail"]
  }
}

run "logs_the_api_to_a_group_that_fills_no_resource_policy" {
  command = plan

  assert {
    condition     = aws_cloudwatch_log_group.access[0].name == "/aws/vendedlogs/apigateway/load"
    error_message = "API Gateway adds every other log group to the account's resource policy, which has 5,120 characters."
  }
}
