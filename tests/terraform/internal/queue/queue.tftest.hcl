mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name                       = "work"
  visibility_timeout_seconds = 180
}

run "gives_up_into_its_dead_letter_queue" {
  command = apply

  assert {
    condition     = jsondecode(aws_sqs_queue.this.redrive_policy) == { deadLetterTargetArn = output.dead_letter_queue_arn, maxReceiveCount = 5 }
    error_message = "A message must go to the dead-letter queue after five attempts."
  }

  assert {
    condition     = output.dead_letter_queue_name == "work-dead-letter" && output.queue_name == "work"
    error_message = "Both names must start with the caller's."
  }

  assert {
    condition     = aws_sqs_queue.this.sqs_managed_sse_enabled
    error_message = "Without a key SQS encrypts with its own, which services can use."
  }
}

run "takes_messages_from_a_named_publisher_for_its_source_only" {
  command = plan

  variables {
    max_receive_count = 3
    operations        = { kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/k" } }
    publishers = {
      feedback = { service = "sns.amazonaws.com", source_arn = "arn:aws:sns:eu-west-1:111122223333:feedback" }
    }
  }

  assert {
    condition = alltrue([
      jsondecode(aws_sqs_queue.this.policy).Statement[1].Sid == "TakeFeedback",
      jsondecode(aws_sqs_queue.this.policy).Statement[1].Condition.ArnLike["aws:SourceArn"] == "arn:aws:sns:eu-west-1:111122223333:feedback",
      jsondecode(aws_sqs_queue.this.policy).Statement[1].Resource == "arn:aws:sqs:eu-west-1:111122223333:work",
    ])
    error_message = "The service may send to this queue, for this source, and nothing else."
  }

  assert {
    condition     = aws_sqs_queue.this.kms_master_key_id == var.operations.kms_key.arn
    error_message = "With a key the queue must use it."
  }
}

run "rejects_no_attempts_at_all" {
  command = plan

  variables {
    max_receive_count = 0
  }

  expect_failures = [var.max_receive_count]
}

run "rejects_a_visibility_timeout_beyond_12_hours" {
  command = plan

  variables {
    visibility_timeout_seconds = 43201
  }

  expect_failures = [var.visibility_timeout_seconds]
}

run "rejects_a_fifo_name" {
  command = plan

  variables {
    name = "work.fifo"
  }

  expect_failures = [var.name]
}
