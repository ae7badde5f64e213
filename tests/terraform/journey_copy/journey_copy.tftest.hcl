mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name = "journeys"
  from = {
    pinpoint = {
      project_id = "from1"
      api = {
        url           = "https://staging.execute-api.eu-west-1.amazonaws.com"
        execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:staging"
      }
    }
  }
  to = {
    pinpoint = {
      project_id = "to1"
      api = {
        url           = "https://live.execute-api.us-east-1.amazonaws.com"
        execution_arn = "arn:aws:execute-api:us-east-1:444455556666:live"
      }
    }
    role = { arn = "arn:aws:iam::444455556666:role/journey-copies", external_id = "a-secret" }
  }
}

run "knows_the_place_of_both_projects" {
  command = plan

  assert {
    condition = alltrue([
      local.environment.FROM_PROJECT_ID == "from1",
      local.environment.FROM_API_URL == "https://staging.execute-api.eu-west-1.amazonaws.com",
      local.environment.FROM_ACCOUNT_ID == "111122223333",
      local.environment.FROM_REGION == "eu-west-1",
      local.environment.TO_ACCOUNT_ID == "444455556666",
      local.environment.TO_REGION == "us-east-1",
      local.environment.TO_ROLE_ARN == "arn:aws:iam::444455556666:role/journey-copies",
      local.environment.TO_EXTERNAL_ID == "a-secret",
    ])
    error_message = "The ARN of a hub's API names its account and region."
  }

  assert {
    condition     = !contains(keys(local.environment), "FROM_ROLE_ARN")
    error_message = "A project of the own account needs no role."
  }

  assert {
    condition     = length(aws_lambda_invocation.copy) == 0 && output.applied_copy == null
    error_message = "An apply copies nothing unless told."
  }
}

run "reaches_another_account_by_its_role_only" {
  command = plan

  assert {
    condition     = { for s in data.aws_iam_policy_document.take_to_role.statement : one(s.actions) => one(s.resources) } == { "sts:AssumeRole" = "arn:aws:iam::444455556666:role/journey-copies" }
    error_message = "The function's own role must be allowed the role of the other account, and nothing else there."
  }

  assert {
    condition     = length(data.aws_iam_policy_document.take_from_role.statement) == 0
    error_message = "The source has no role to take."
  }
}

run "reads_the_source_and_never_writes_it" {
  command = plan

  assert {
    condition     = alltrue([for name in local.read_operations : startswith(name, "Get")])
    error_message = "The source is read."
  }

  assert {
    condition     = !contains(local.write_operations, "DeleteJourney") && !contains(local.write_operations, "UpdateJourneyState")
    error_message = "A copy neither deletes nor publishes a journey."
  }
}

run "knows_projects_of_amazon_pinpoint_in_two_regions" {
  command = plan

  variables {
    from = { pinpoint = { project_id = "p1" } }
    to   = { pinpoint = { project_id = "p2" }, region = "us-west-2" }
  }

  assert {
    condition = alltrue([
      local.environment.FROM_REGION == "eu-west-1",
      local.environment.TO_REGION == "us-west-2",
      local.environment.TO_ACCOUNT_ID == "111122223333",
      !contains(keys(local.environment), "TO_API_URL"),
      contains(local.write_operations, "TagResource"),
    ])
    error_message = "Amazon Pinpoint is reached in the region that was given, and asks for TagResource."
  }
}

run "deletes_nothing_on_destroy_unless_told" {
  command = plan

  variables {
    copy_on_apply = {}
  }

  assert {
    condition     = toset([for s in data.aws_iam_policy_document.apply.statement : s.sid]) == toset(["StartCopies", "WaitForCopies"])
    error_message = "Without delete_copies_on_destroy the function may not delete."
  }

  assert {
    condition     = jsondecode(aws_lambda_invocation.copy[0].input).JourneyIds == null && jsondecode(aws_lambda_invocation.copy[0].input).DeleteCopies == false
    error_message = "The default copies every journey and keeps the copies."
  }
}

run "may_delete_copies_where_told" {
  command = plan

  variables {
    copy_on_apply = { delete_copies_on_destroy = true }
  }

  assert {
    condition     = contains([for s in data.aws_iam_policy_document.apply.statement : s.sid], "FindCopiesToDelete") && length(data.aws_iam_policy_document.apply.source_policy_documents) == 1
    error_message = "The function has to find and delete the copies."
  }
}

run "keeps_reports_for_as_long_as_told" {
  command = plan

  variables { report_retention_days = null }

  assert {
    condition     = join(" ", keys(local.report_expiration)) == "runs/"
    error_message = "Null keeps reports; the entries of single journeys expire."
  }
}

run "takes_substitutes_from_the_caller" {
  command = plan

  variables {
    substitutes = {
      delivery_uris  = { letter = { from = "arn:aws:lambda:eu-west-1:111122223333:function:letter", to = "arn:aws:lambda:us-east-1:444455556666:function:letter" } }
      from_addresses = { shop = { from = "shop@example.com", to = null } }
      templates      = { hello = { type = "EMAIL", from = "hello", to = "hello-live" } }
    }
  }

  assert {
    condition     = jsondecode(aws_s3_object.substitutes.content).templates.hello.to == "hello-live"
    error_message = "The functions read the substitutes from the bucket: an environment holds 4 KB."
  }
}

run "rejects_a_substitute_of_an_unknown_type" {
  command = plan

  variables { substitutes = { templates = { one = { type = "VOICE", from = "a", to = "b" } } } }

  expect_failures = [var.substitutes]
}

run "rejects_two_substitutes_for_one_resource" {
  command = plan

  variables {
    substitutes = { segments = { one = { from = "s1", to = "a" }, two = { from = "s1", to = "b" } } }
  }

  expect_failures = [var.substitutes]
}

run "rejects_a_region_beside_a_hub" {
  command = plan

  variables {
    from = {
      pinpoint = { project_id = "from1", api = { url = "https://x", execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:x" } }
      region   = "eu-west-1"
    }
  }

  expect_failures = [var.from]
}

run "rejects_a_role_that_is_no_role" {
  command = plan

  variables {
    from = { pinpoint = { project_id = "from1" }, role = { arn = "journey-copies", external_id = "x" } }
  }

  expect_failures = [var.from]
}

run "rejects_a_user_as_a_role" {
  command = plan

  variables {
    to = { pinpoint = { project_id = "to1" }, role = { arn = "arn:aws:iam::444455556666:user/me", external_id = "x" } }
  }

  expect_failures = [var.to]
}

run "rejects_a_copy_onto_itself" {
  command = plan

  variables {
    from = { pinpoint = { project_id = "p1" } }
    to   = { pinpoint = { project_id = "p1" } }
  }

  expect_failures = [var.to]
}

run "rejects_a_copy_onto_itself_in_the_region_of_the_provider" {
  command = plan

  variables {
    from = { pinpoint = { project_id = "p1" } }
    to   = { pinpoint = { project_id = "p1" }, region = "eu-west-1" }
  }

  expect_failures = [var.to]
}

run "rejects_no_journeys_and_ids_that_are_none" {
  command = plan

  variables { copy_on_apply = { journey_ids = [] } }

  expect_failures = [var.copy_on_apply]
}

run "rejects_an_id_that_is_none" {
  command = plan

  variables { copy_on_apply = { journey_ids = ["../x"] } }

  expect_failures = [var.copy_on_apply]
}

run "rejects_a_retention_of_no_days" {
  command = plan

  variables { report_retention_days = 0 }

  expect_failures = [var.report_retention_days]
}

run "rejects_a_subscription_to_notifications_that_are_never_published" {
  command = plan

  variables {
    subscriptions = { owner = { protocol = "email", endpoint = "owner@example.com", notification_types = ["finished"] } }
  }

  expect_failures = [var.subscriptions]
}

run "fits_the_longest_name_into_every_aws_name" {
  command = plan

  variables {
    name          = "exactly-26-characters-long"
    copy_on_apply = {}
  }

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

run "says_that_the_last_copy_failed_until_it_is_made" {
  command = apply

  variables {
    to = {
      pinpoint = {
        project_id = "to1"
        api = {
          url           = "https://staging.execute-api.eu-west-1.amazonaws.com"
          execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:staging"
        }
      }
    }
    copy_on_apply = { journey_ids = ["j1", "j2"], dry_run = true, revision = "2" }
  }

  override_resource {
    target = aws_lambda_invocation.copy[0]
    values = { result = "{\"Revision\": \"another\"}" }
  }

  # The answer repeats the hash of the inputs; another one is the answer of an earlier copy.
  expect_failures = [output.applied_copy]
}
