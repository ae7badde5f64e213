mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name  = "orders"
  limit = 1000
}

run "reads_its_own_queue_and_publishes_to_its_own_topic" {
  command = apply

  assert {
    condition = alltrue([
      data.aws_iam_policy_document.notify.statement[0].resources == toset([module.queue.queue_arn]),
      data.aws_iam_policy_document.notify.statement[1].resources == toset([module.topic.topic_arn]),
    ])
    error_message = "Each statement must name one resource of the module."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.orders.function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "Without partial batch responses one bad message repeats its whole batch."
  }

  assert {
    condition     = output.dead_letter_queue_urls.orders != null
    error_message = "Messages that fail must have a dead-letter queue."
  }
}

run "rejects_a_limit_of_zero" {
  command = plan

  variables {
    limit = 0
  }

  expect_failures = [var.limit]
}
