mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name = "feedback"
}

run "wires_all_identities_now_and_every_hour_and_overwrites_none" {
  command = apply

  assert {
    condition = jsondecode(aws_lambda_invocation.identity_wiring[0].input) == {
      identities = null
      overwrite  = false
      topic_arn  = module.topic.topic_arn
    }
    error_message = "Identities that have no topic must get ours; the others keep theirs."
  }

  assert {
    condition = alltrue([
      aws_lambda_invocation.identity_wiring[0].lifecycle_scope == "CRUD",
      aws_scheduler_schedule.identity_wiring[0].schedule_expression == "rate(1 hour)",
      one(aws_scheduler_schedule.identity_wiring[0].target).input == aws_lambda_invocation.identity_wiring[0].input,
    ])
    error_message = "Identities verified later must be wired too, and all be unwired on destroy."
  }

  assert {
    condition     = one(one(aws_scheduler_schedule.identity_wiring[0].target).dead_letter_config).arn == module.wiring_failures[0].queue_arn
    error_message = "A run that cannot start must be kept."
  }
}

run "wires_a_list_and_overwrites_when_told" {
  command = apply

  variables {
    identities = {
      wire      = ["example.com", "ann@example.org"]
      overwrite = true
      schedule  = "cron(0 6 * * ? *)"
    }
  }

  assert {
    condition = alltrue([
      jsondecode(aws_lambda_invocation.identity_wiring[0].input).identities == ["example.com", "ann@example.org"],
      jsondecode(aws_lambda_invocation.identity_wiring[0].input).overwrite,
      aws_scheduler_schedule.identity_wiring[0].schedule_expression == "cron(0 6 * * ? *)",
    ])
    error_message = "The given settings must reach the function."
  }
}

run "lets_the_function_change_topics_only" {
  command = apply

  assert {
    condition = alltrue([
      toset(one(data.aws_iam_policy_document.identity_wiring.statement).actions) == toset([
        "ses:GetIdentityNotificationAttributes",
        "ses:ListEmailIdentities",
        "ses:SetIdentityNotificationTopic",
      ]),
    ])
    error_message = "It may do no more."
  }
}

run "wires_nothing_without_identities" {
  command = plan

  variables {
    configuration_set = { name = "tracked" }
    identities        = null
  }

  assert {
    condition = alltrue([
      length(aws_lambda_invocation.identity_wiring) == 0,
      length(aws_scheduler_schedule.identity_wiring) == 0,
      length(module.identity_wiring) == 0,
    ])
    error_message = "A configuration set alone needs no identities."
  }
}

run "rejects_an_identity_that_is_an_arn" {
  command = plan

  variables { identities = { wire = ["arn:aws:ses:eu-west-1:111122223333:identity/example.com"] } }

  expect_failures = [var.identities]
}

run "rejects_a_schedule_that_is_none" {
  command = plan

  variables { identities = { schedule = "hourly" } }

  expect_failures = [var.identities]
}
