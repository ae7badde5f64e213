mock_provider "aws" {
  source = "./tests/mocks"

  mock_data "aws_ses_active_receipt_rule_set" {
    defaults = { rule_set_name = "active-one" }
  }
}

variables {
  name          = "answers"
  identity_arns = ["arn:aws:ses:eu-west-1:111122223333:identity/example.com"]
  template      = { name = "thanks" }
}

run "answers_all_mail_of_the_active_rule_set" {
  command = apply

  assert {
    condition = alltrue([
      aws_ses_receipt_rule.this.name == "answers",
      aws_ses_receipt_rule.this.rule_set_name == "active-one",
      length(aws_ses_receipt_rule.this.recipients) == 0,
      aws_ses_receipt_rule.this.scan_enabled,
      one(aws_ses_receipt_rule.this.lambda_action).invocation_type == "Event",
      one(aws_ses_receipt_rule.this.stop_action).scope == "RuleSet",
    ])
    error_message = "All mail must be scanned and answered, and the rule set end there."
  }

  assert {
    condition     = toset(one(data.aws_iam_policy_document.send.statement[0].condition).values) == toset(["*@example.com", "*@*.example.com"])
    error_message = "Replies must come from addresses of the identities only."
  }

  assert {
    condition     = output.reply_address == null
    error_message = "Without recipients replies are sent from the address that received the email."
  }
}

run "answers_each_of_several_recipients_in_a_given_rule_set" {
  command = plan

  variables {
    recipients    = ["help@example.com", "shop.example.com", ".example.net"]
    rule_set      = { name = "mine" }
    after         = "archive"
    stop_rule_set = false
    own_addresses = ["robot@example.com", "partner.example"]
  }

  assert {
    condition = alltrue([
      aws_ses_receipt_rule.this.recipients == toset(["help@example.com", "shop.example.com", ".example.net"]),
      aws_ses_receipt_rule.this.rule_set_name == "mine",
      aws_ses_receipt_rule.this.after == "archive",
      length(aws_ses_receipt_rule.this.stop_action) == 0,
      length(data.aws_ses_active_receipt_rule_set.this) == 0,
    ])
    error_message = "The rule must have the given position in the given rule set, for each of the recipients."
  }

  assert {
    condition     = toset(one(data.aws_iam_policy_document.send.statement[0].condition).values) == toset(["help@example.com", "help+*@example.com", "*@shop.example.com", "*@*.example.net"])
    error_message = "Replies must come from the recipients only, with their labels."
  }

  assert {
    condition     = local.own == "help@example.com,robot@example.com,partner.example"
    error_message = "Mailboxes of the rule and the given addresses must not be answered."
  }
}

run "may_send_from_one_address_and_read_one_template" {
  command = plan

  variables {
    recipients        = ["help@example.com"]
    from_address      = "robot@example.com"
    configuration_set = { name = "tracked" }
  }

  assert {
    condition = alltrue([
      data.aws_iam_policy_document.send.statement[0].actions == toset(["ses:SendRawEmail"]),
      data.aws_iam_policy_document.send.statement[0].resources == toset([
        "arn:aws:ses:eu-west-1:111122223333:configuration-set/tracked",
        "arn:aws:ses:eu-west-1:111122223333:identity/example.com",
      ]),
      toset(one(data.aws_iam_policy_document.send.statement[0].condition).values) == toset(["robot@example.com"]),
    ])
    error_message = "The function must send from robot@example.com alone."
  }

  assert {
    condition     = local.read_template == { action = "ses:GetEmailTemplate", resource = "arn:aws:ses:eu-west-1:111122223333:template/thanks" }
    error_message = "The function must read this template alone."
  }

  assert {
    condition     = output.reply_address == "robot@example.com"
    error_message = "The output must be the From address of replies."
  }
}

run "reads_the_template_of_a_hub" {
  command = plan

  variables {
    template = { name = "thanks", source = "PINPOINT" }
    pinpoint = {
      project_id = "app1"
      api = {
        url           = "https://abc.execute-api.eu-west-1.amazonaws.com"
        execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:abc"
      }
    }
  }

  assert {
    condition     = local.read_template == { action = "execute-api:Invoke", resource = "arn:aws:execute-api:eu-west-1:111122223333:abc/*/GET/v1/templates/thanks/email" }
    error_message = "The function must read this template alone."
  }
}

run "reads_the_template_of_amazon_pinpoint" {
  command = plan

  variables {
    template = { name = "thanks", source = "PINPOINT" }
    pinpoint = { project_id = "app1" }
  }

  assert {
    condition     = local.read_template == { action = "mobiletargeting:GetEmailTemplate", resource = "arn:aws:mobiletargeting:eu-west-1:111122223333:templates/thanks/EMAIL" }
    error_message = "The function must read this template alone."
  }
}

run "rejects_addresses_in_one_text" {
  command = plan

  variables { recipients = ["a@example.com,b@example.com"] }

  expect_failures = [var.recipients]
}

run "rejects_mailboxes_that_a_role_s_policies_cannot_hold" {
  command = plan

  variables { recipients = [for number in range(100) : "mailbox-number-${number}@department.example.com"] }

  expect_failures = [data.aws_iam_policy_document.send]
}

run "takes_many_mailboxes_with_one_sender" {
  command = plan

  variables {
    from_address = "help@example.com"
    recipients   = [for number in range(60) : "mailbox-number-${number}@department.example.com"]
  }

  assert {
    condition     = local.sender_characters < 100
    error_message = "One From address needs one pattern."
  }
}

run "rejects_identities_that_a_role_s_policies_cannot_hold" {
  command = plan

  variables { identity_arns = [for number in range(40) : "arn:aws:ses:eu-west-1:111122223333:identity/number-${number}.example.com"] }

  expect_failures = [data.aws_iam_policy_document.send]
}

run "may_also_use_the_identities_of_recipients_in_the_sandbox" {
  command = plan

  variables { recipient_identity_arns = ["arn:aws:ses:eu-west-1:111122223333:identity/ann@example.org"] }

  assert {
    condition     = contains(one(data.aws_iam_policy_document.send.statement).resources, "arn:aws:ses:eu-west-1:111122223333:identity/ann@example.org")
    error_message = "SES asks for permission on the recipient's identity in the sandbox."
  }

  assert {
    condition     = !contains(one(one(data.aws_iam_policy_document.send.statement).condition).values, "ann@example.org")
    error_message = "Nothing may be sent from the recipient's address."
  }
}

run "rejects_addresses_that_a_policy_would_read_as_patterns" {
  command = plan

  variables {
    from_address = "who?@example.com"
    recipients   = ["$${aws:username}@example.com"]
  }

  expect_failures = [var.from_address, var.recipients]
}

run "rejects_letters_that_ses_does_not_take" {
  command = plan

  variables {
    from_address            = "hälp@example.com"
    own_addresses           = ["münchen.example"]
    recipients              = ["help@münchen.example"]
    recipient_identity_arns = ["ann@example.org"]
  }

  expect_failures = [var.from_address, var.own_addresses, var.recipients, var.recipient_identity_arns]
}

run "rejects_upper_case_that_the_policy_would_not_match" {
  command = plan

  variables { recipients = ["Help@example.com"] }

  expect_failures = [var.recipients]
}

run "rejects_an_address_with_a_name_and_bad_own_addresses" {
  command = plan

  variables {
    from_address  = "Help <help@example.com>"
    own_addresses = ["robot"]
  }

  expect_failures = [var.from_address, var.own_addresses]
}

run "rejects_a_pinpoint_template_without_a_project_and_unknown_words" {
  command = plan

  variables {
    template          = { name = "thanks", source = "PINPOINT" }
    truncated_headers = "GUESS"
    window_hours      = 0
    identity_arns     = ["example.com"]
    name              = "Answers"
  }

  expect_failures = [var.template, var.truncated_headers, var.window_hours, var.identity_arns, var.name]
}

run "rejects_a_source_that_is_not_there" {
  command = plan

  variables { template = { name = "thanks", source = "S3" } }

  expect_failures = [var.template]
}

run "rejects_more_addresses_than_the_function_can_know" {
  command = plan

  variables { own_addresses = [for number in range(100) : "robot-number-${number}@department.example.com"] }

  expect_failures = [aws_ses_receipt_rule.this]
}

run "fits_the_longest_name_into_every_aws_name" {
  command = plan

  variables { name = "exactly-26-characters-long" }

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
