mock_provider "aws" {
  source = "./tests/mocks"
}

override_module {
  target = module.resources
  outputs = {
    function_name = "hub-resources"
    results       = { App = { project = { Id = "app1" } } }
  }
}

variables {
  name = "hub"
}

run "logs_the_api_to_a_group_that_fills_no_resource_policy" {
  command = plan

  assert {
    condition     = aws_cloudwatch_log_group.access.name == "/aws/vendedlogs/apigateway/hub"
    error_message = "API Gateway adds every other log group to the account's resource policy, which has 5,120 characters."
  }
}
