mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name        = "drop-import"
  description = "Lets import jobs read files."
  policy_json = "{}"
  pinpoint = {
    project_id = "app1"
    api = {
      url           = "https://abc.execute-api.eu-west-1.amazonaws.com"
      execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:abc"
    }
  }
}

run "lets_a_hub_work_for_this_project_only" {
  command = plan

  assert {
    condition     = aws_iam_role.this.path == "/engagement-hub/" && aws_iam_role.this.name == "drop-import"
    error_message = "A hub assumes roles under /engagement-hub/ only."
  }

  assert {
    condition = alltrue([
      length(data.aws_iam_policy_document.trust.statement) == 1,
      one(data.aws_iam_policy_document.trust.statement[0].principals).type == "AWS",
      { for condition in data.aws_iam_policy_document.trust.statement[0].condition : "${condition.test} ${condition.variable}" => join(" ", condition.values) } == {
        "StringEquals sts:ExternalId" = "app1"
        "ArnLike aws:PrincipalArn"    = "arn:aws:iam::111122223333:role/engagement-hub-functions/*"
      },
    ])
    error_message = "The role must trust the functions of this account's hubs, for this project's external id."
  }

  assert {
    condition     = length(output.pass_policies) == 0
    error_message = "A hub assumes the role: no role is passed to it."
  }
}

run "lets_amazon_pinpoint_work_for_this_project_and_no_other_that_begins_alike" {
  command = plan

  variables {
    pinpoint = { project_id = "app1" }
  }

  assert {
    condition     = one(data.aws_iam_policy_document.trust.statement[0].principals).identifiers == toset(["pinpoint.amazonaws.com"])
    error_message = "Amazon Pinpoint must be able to assume the role."
  }

  assert {
    condition = alltrue([
      for condition in data.aws_iam_policy_document.trust.statement[0].condition :
      alltrue([for arn in condition.values : endswith(arn, ":apps/app1") || endswith(arn, ":apps/app1/*")])
      if condition.variable == "aws:SourceArn"
    ])
    error_message = "The project and what is below it must be named, with nothing open between."
  }

  assert {
    condition     = one(data.aws_iam_policy_document.pass.statement[0].condition).values == tolist(["pinpoint.amazonaws.com"])
    error_message = "The role may be passed to Amazon Pinpoint and no other service."
  }
}

run "rejects_a_name_that_iam_does_not_take" {
  command = plan

  variables { name = "a name with spaces" }

  expect_failures = [var.name]
}
