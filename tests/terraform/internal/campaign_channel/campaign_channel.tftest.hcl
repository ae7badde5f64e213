mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name          = "calls"
  campaign_role = { arn = "arn:aws:iam::111122223333:role/engagement-hub-functions/people-campaign" }
  pinpoint = {
    project_id = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
    api        = { url = "https://h1.execute-api.eu-west-1.amazonaws.com", execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:h1" }
  }
  function = { handler = "calls.functions.take.lambda_handler", description = "Takes calls." }
  package  = { bucket = "packages", key = "0a1b/calls.zip" }
  queue    = { visibility_timeout_seconds = 360 }
}

run "queues_the_endpoints_of_a_call_and_may_do_nothing_else" {
  command = apply

  assert {
    condition = alltrue([
      length(data.aws_iam_policy_document.queue_endpoints.statement) == 1,
      one(data.aws_iam_policy_document.queue_endpoints.statement[0].actions) == "sqs:SendMessage",
      one(data.aws_iam_policy_document.queue_endpoints.statement[0].resources) == module.queue.queue_arn,
    ])
    error_message = "The intake function must send to its queue, and to nothing else."
  }

  assert {
    condition     = output.queue_name == "calls-endpoints" && output.function_name == "calls-intake"
    error_message = "The names must start with the caller's."
  }

  assert {
    condition     = output.dead_letter_queue_url == module.queue.dead_letter_queue_url
    error_message = "An operator needs the queue to redrive."
  }
}

run "takes_a_project_of_amazon_pinpoint" {
  command = apply

  variables {
    campaign_role = null
    pinpoint      = { project_id = "a1b2c3d4e5f60718293a4b5c6d7e8f90" }
  }

  assert {
    condition     = output.function_arn != null
    error_message = "Amazon Pinpoint calls the function without a role."
  }
}

run "answers_within_the_time_that_campaigns_wait" {
  command = plan

  variables { function = { handler = "calls.functions.take.lambda_handler", description = "Takes calls.", timeout_seconds = 16 } }

  expect_failures = [var.function]
}

run "keeps_the_name_of_its_own_policy" {
  command = plan

  variables { policies = { queue-endpoints = "{}" } }

  expect_failures = [var.policies]
}
