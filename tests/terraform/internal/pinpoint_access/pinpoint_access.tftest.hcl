mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  pinpoint       = { project_id = "0123456789abcdef0123456789abcdef" }
  api_operations = ["GetImportJob", "CreateImportJob", "GetSegments", "CreateSmsTemplate"]
}

run "allows_the_operations_on_the_projects_arns_at_amazon_pinpoint" {
  command = plan

  assert {
    condition = {
      for statement in data.aws_iam_policy_document.this.statement : join(" ", statement.actions) => join(" ", statement.resources)
      } == {
      "mobiletargeting:CreateImportJob mobiletargeting:GetSegments" = "arn:aws:mobiletargeting:eu-west-1:111122223333:apps/0123456789abcdef0123456789abcdef"
      "mobiletargeting:GetImportJob"                                = "arn:aws:mobiletargeting:eu-west-1:111122223333:apps/0123456789abcdef0123456789abcdef/jobs/import/*"
      "mobiletargeting:CreateSmsTemplate"                           = "arn:aws:mobiletargeting:eu-west-1:111122223333:templates/*/SMS"
    }
    error_message = "Each operation is allowed on the resources that AWS names for it, in this project."
  }

  assert {
    condition     = length(output.environment) == 0
    error_message = "Functions must call Amazon Pinpoint itself."
  }
}

run "allows_exactly_the_methods_and_paths_of_a_hub" {
  command = plan

  variables {
    pinpoint = {
      project_id = "0123456789abcdef0123456789abcdef"
      api = {
        url           = "https://hub.execute-api.eu-west-1.amazonaws.com"
        execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:hub"
      }
    }
  }

  assert {
    condition = length(data.aws_iam_policy_document.this.statement) == 1 && toset(data.aws_iam_policy_document.this.statement[0].resources) == toset([
      "arn:aws:execute-api:eu-west-1:111122223333:hub/*/POST/v1/apps/0123456789abcdef0123456789abcdef/jobs/import",
      "arn:aws:execute-api:eu-west-1:111122223333:hub/*/GET/v1/apps/0123456789abcdef0123456789abcdef/jobs/import/*",
      "arn:aws:execute-api:eu-west-1:111122223333:hub/*/GET/v1/apps/0123456789abcdef0123456789abcdef/segments",
      "arn:aws:execute-api:eu-west-1:111122223333:hub/*/POST/v1/templates/*/sms",
    ])
    error_message = "Each operation is allowed by its method and path, on this project."
  }

  assert {
    condition     = join(" ", data.aws_iam_policy_document.this.statement[0].actions) == "execute-api:Invoke"
    error_message = "A hub is an HTTP API."
  }

  assert {
    condition     = output.environment == tomap({ PINPOINT_API_URL = "https://hub.execute-api.eu-west-1.amazonaws.com" })
    error_message = "Functions must call the hub."
  }
}

run "calls_what_lives_on_at_aws_also_from_a_hubs_project" {
  command = plan

  variables {
    api_operations = ["PhoneNumberValidate", "UpdateEndpointsBatch"]
    pinpoint = {
      project_id = "0123456789abcdef0123456789abcdef"
      api = {
        url           = "https://hub.execute-api.eu-west-1.amazonaws.com"
        execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:hub"
      }
    }
  }

  assert {
    condition = {
      for statement in data.aws_iam_policy_document.this.statement : join(" ", statement.actions) => join(" ", statement.resources)
      } == {
      "mobiletargeting:PhoneNumberValidate" = "arn:aws:mobiletargeting:eu-west-1:111122223333:phone/number/validate"
      "execute-api:Invoke"                  = "arn:aws:execute-api:eu-west-1:111122223333:hub/*/PUT/v1/apps/0123456789abcdef0123456789abcdef/endpoints"
    }
    error_message = "Phone numbers are validated by AWS, endpoints written at the hub."
  }
}

run "names_an_operation_that_pinpoint_does_not_know" {
  command = plan

  variables {
    api_operations = ["GetImportJob", "GetImportjobs"]
  }

  expect_failures = [var.api_operations]
}

run "rejects_an_empty_list" {
  command = plan

  variables {
    api_operations = []
  }

  expect_failures = [var.api_operations]
}

run "allows_the_operations_in_another_account_and_region" {
  command = plan

  variables {
    api_operations = ["GetJourney"]
    location       = { account_id = "444455556666", region = "us-west-2" }
  }

  assert {
    condition     = one(data.aws_iam_policy_document.this.statement[0].resources) == "arn:aws:mobiletargeting:us-west-2:444455556666:apps/0123456789abcdef0123456789abcdef/journeys/*"
    error_message = "A policy for a role of another account names that account's project."
  }
}
