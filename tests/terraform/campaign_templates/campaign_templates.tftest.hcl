mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name             = "news-emails"
  default_template = "welcome"
  campaign_role    = { arn = "arn:aws:iam::111122223333:role/hub-campaigns" }
  pinpoint = {
    project_id = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
    api        = { url = "https://hub.example.com", execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:hub" }
  }
}

run "keeps_contents_in_a_bucket_whose_versions_stay" {
  command = plan

  assert {
    condition = alltrue([
      length(module.bucket) == 1,
      length(data.aws_iam_policy_document.publish) == 0,
      length(aws_cloudwatch_event_rule.changed) == 0,
      output.dead_letter_queue_urls == null,
      output.publish_function_name == null,
      output.published_template_prefix == null,
    ])
    error_message = "Without publish there is a bucket and a hook, and nothing else."
  }
}

run "reads_the_contents_and_knows_absent_ones" {
  command = apply

  assert {
    condition = { for statement in one(data.aws_iam_policy_document.contents).statement : statement.sid => one(statement.actions) } == {
      ReadContents                = "s3:GetObject"
      KnowThatALocaleHasNoContent = "s3:ListBucket"
    }
    error_message = "Nothing is written, and no version is read that is not pinned."
  }

  assert {
    condition     = endswith(one(one(data.aws_iam_policy_document.contents).statement[0].resources), "/templates/*")
    error_message = "The hook must not read objects beside the contents."
  }
}

run "reads_pinned_versions_only_of_their_contents" {
  command = apply

  variables { store = { versions = { "welcome/de-AT" = "v7" } } }

  assert {
    condition     = one([for statement in one(data.aws_iam_policy_document.contents).statement : endswith(one(statement.resources), "/templates/welcome/de-AT.json") if statement.sid == "ReadPinnedContents"])
    error_message = "Versions of other contents must not be readable."
  }
}

run "takes_a_bucket_of_the_caller_with_its_key" {
  command = plan

  variables { store = { bucket = { name = "mine", kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/k" } } } }

  assert {
    condition     = length(module.bucket) == 0 && output.bucket_name == "mine"
    error_message = "The caller's bucket holds the contents."
  }

  assert {
    condition     = one([for statement in one(data.aws_iam_policy_document.contents).statement : one(statement.resources) if statement.sid == "DecryptTheStore"]) == "arn:aws:kms:eu-west-1:111122223333:key/k"
    error_message = "The objects could not be decrypted."
  }
}

run "asks_a_cms_without_any_permission" {
  command = plan

  variables { store = { cms = { url = "https://cms.example.com/{template}/{locale}" } } }

  assert {
    condition     = length(data.aws_iam_policy_document.contents) == 0 && length(module.bucket) == 0 && output.bucket_name == null
    error_message = "A public endpoint needs no permission."
  }
}

run "reads_the_secret_of_a_cms" {
  command = plan

  variables {
    store = {
      cms = {
        url    = "https://cms.example.com/{template}/{locale}"
        header = { secret = { arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:cms-AbCdEf" } }
      }
    }
  }

  assert {
    condition     = one(one(data.aws_iam_policy_document.contents).statement).actions == toset(["secretsmanager:GetSecretValue"])
    error_message = "The header needs its secret."
  }
}

run "asks_a_function" {
  command = plan

  variables { store = { function = { arn = "arn:aws:lambda:eu-west-1:111122223333:function:contents" } } }

  assert {
    condition     = one(one(data.aws_iam_policy_document.contents).statement).actions == toset(["lambda:InvokeFunction"])
    error_message = "The function holds the contents."
  }
}

run "publishes_each_changed_content_or_keeps_the_event" {
  command = apply

  variables { publish = { templates = ["welcome", "bye"] } }

  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.changed["this"].event_pattern).detail.object.key == [
      { prefix = "templates/welcome/" }, { prefix = "templates/bye/" }
    ]
    error_message = "Other objects must start nothing."
  }

  assert {
    condition     = aws_lambda_event_source_mapping.changed["this"].function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "A failed content would be lost."
  }

  assert {
    condition = alltrue([
      aws_cloudwatch_event_target.changed["this"].dead_letter_config[0].arn == module.undelivered["this"].queue_arn,
      output.dead_letter_queue_urls.contents == module.changed["this"].dead_letter_queue_url,
      output.published_template_prefix == "news-emails-",
    ])
    error_message = "Events that fail need a place, and an operator the way to it."
  }
}

run "becomes_the_hook_of_the_project_on_request" {
  command = plan

  variables { project_hook = {} }

  assert {
    condition     = length(module.project_hook) == 1
    error_message = "Campaigns without a hook of their own would get no content."
  }
}

run "notifies_of_contents_and_batches_that_failed" {
  command = plan

  variables { alarm = { topic_arn = "arn:aws:sns:eu-west-1:111122223333:oncall" } }

  assert {
    condition = alltrue([
      one(aws_cloudwatch_metric_alarm.failed_contents.alarm_actions) == "arn:aws:sns:eu-west-1:111122223333:oncall",
      one(aws_cloudwatch_metric_alarm.failed_batches.alarm_actions) == "arn:aws:sns:eu-west-1:111122223333:oncall",
    ])
    error_message = "Recipients would get no message without a notice."
  }
}

run "gives_the_shell_of_the_seed_with_two_braces" {
  command = plan

  assert {
    condition     = output.shell.HtmlPart == "<html>{{Attributes.html}}</html>" && output.shell.Subject == "{{Attributes.subject}}"
    error_message = "The subject must be a variable too."
  }
}

run "takes_rules_limits_and_a_default" {
  command = plan

  variables {
    failure_policy  = "send_default"
    default_content = { subject = "Hi", text = "Hello" }
    limits          = { html_bytes = 50000 }
    locale_from     = "User.UserAttributes.Language"
    allowed         = { campaign_ids = ["4f8d6097c2e8400fa3081d8750c1e2a3"] }
    content_cache   = { seconds = 0, stale_seconds = 0 }
    template_rules = [
      { template = "german", locales = ["de", "de_AT", "zh-Hant-TW"] },
      { template = "gold", user_attributes = { Tier = ["gold"] }, treatments = ["1"] },
    ]
  }
}

run "works_without_a_hub" {
  command = plan

  variables {
    pinpoint      = { project_id = "a1b2c3d4e5f60718293a4b5c6d7e8f90" }
    campaign_role = null
  }
}

run "rejects_a_template_that_cannot_be_part_of_a_key" {
  command = plan
  variables { default_template = "../secrets" }
  expect_failures = [var.default_template]
}

run "rejects_a_cache_of_days" {
  command = plan
  variables { content_cache = { seconds = 100000 } }
  expect_failures = [var.content_cache]
}

run "rejects_stale_contents_that_are_fresh" {
  command = plan
  variables { content_cache = { seconds = 300, stale_seconds = 60 } }
  expect_failures = [var.content_cache]
}

run "rejects_a_deadline_after_the_campaign_has_left" {
  command = plan
  variables { deadline_seconds = 14 }
  expect_failures = [var.deadline_seconds]
}

run "rejects_a_default_content_without_a_body" {
  command = plan
  variables {
    failure_policy  = "send_default"
    default_content = { subject = "Hi" }
  }
  expect_failures = [var.default_content]
}

run "rejects_a_default_content_without_a_subject" {
  command = plan
  variables {
    failure_policy  = "send_default"
    default_content = { subject = " ", text = "Hi" }
  }
  expect_failures = [var.default_content]
}

run "rejects_a_default_that_is_never_sent" {
  command = plan
  variables { default_content = { subject = "Hi", text = "Hi" } }
  expect_failures = [var.failure_policy]
}

run "rejects_the_default_policy_without_a_default" {
  command = plan
  variables { failure_policy = "send_default" }
  expect_failures = [var.failure_policy]
}

run "rejects_a_policy_that_there_is_not" {
  command = plan
  variables { failure_policy = "ignore" }
  expect_failures = [var.failure_policy]
}

run "rejects_limits_of_more_than_an_answer" {
  command = plan
  variables { limits = { html_bytes = 120000 } }
  expect_failures = [var.limits]
}

run "rejects_half_a_byte" {
  command = plan
  variables { limits = { html_bytes = 0.5 } }
  expect_failures = [var.limits]
}

run "rejects_a_locale_in_a_place_that_endpoints_do_not_have" {
  command = plan
  variables { locale_from = "Location.Country" }
  expect_failures = [var.locale_from]
}

run "rejects_publishing_nothing" {
  command = plan
  variables { publish = { templates = [] } }
  expect_failures = [var.publish]
}

run "rejects_publishing_a_cms" {
  command = plan
  variables {
    publish = { templates = ["welcome"] }
    store   = { cms = { url = "https://cms.example.com/{template}/{locale}" } }
  }
  expect_failures = [var.publish]
}

run "rejects_two_stores" {
  command = plan
  variables {
    store = {
      bucket   = { name = "mine" }
      function = { arn = "arn:aws:lambda:eu-west-1:111122223333:function:contents" }
    }
  }
  expect_failures = [var.store]
}

run "rejects_a_cms_without_encryption" {
  command = plan
  variables { store = { cms = { url = "http://cms.example.com/{template}/{locale}" } } }
  expect_failures = [var.store]
}

run "rejects_a_cms_that_is_asked_for_no_locale" {
  command = plan
  variables { store = { cms = { url = "https://cms.example.com/{template}" } } }
  expect_failures = [var.store]
}

run "rejects_a_header_with_two_values" {
  command = plan
  variables {
    store = {
      cms = {
        url = "https://cms.example.com/{template}/{locale}"
        header = {
          secret    = { arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:cms-AbCdEf" }
          parameter = { arn = "arn:aws:ssm:eu-west-1:111122223333:parameter/cms" }
        }
      }
    }
  }
  expect_failures = [var.store]
}

run "rejects_a_header_that_the_function_sets" {
  command = plan
  variables {
    store = {
      cms = {
        url    = "https://cms.example.com/{template}/{locale}"
        header = { name = "Host", parameter = { arn = "arn:aws:ssm:eu-west-1:111122223333:parameter/cms" } }
      }
    }
  }
  expect_failures = [var.store]
}

run "rejects_a_prefix_that_is_no_folder" {
  command = plan
  variables { store = { prefix = "templates" } }
  expect_failures = [var.store]
}

run "rejects_a_pin_that_is_no_content" {
  command = plan
  variables { store = { versions = { "welcome/de_AT" = "v1" } } }
  expect_failures = [var.store]
}

run "rejects_a_pin_of_a_function" {
  command = plan
  variables {
    store = {
      function = { arn = "arn:aws:lambda:eu-west-1:111122223333:function:contents" }
      versions = { "welcome/de" = "v1" }
    }
  }
  expect_failures = [var.store]
}

run "rejects_a_function_that_is_no_arn" {
  command = plan
  variables { store = { function = { arn = "contents" } } }
  expect_failures = [var.store]
}

run "rejects_a_rule_without_a_condition" {
  command = plan
  variables { template_rules = [{ template = "gold", treatments = ["1"] }, { template = "all" }] }
  expect_failures = [var.template_rules]
}

run "rejects_a_rule_without_values" {
  command = plan
  variables { template_rules = [{ template = "gold", attributes = { Tier = [] } }] }
  expect_failures = [var.template_rules]
}

run "rejects_a_rule_for_no_locale" {
  command = plan
  variables { template_rules = [{ template = "gold", locales = ["german"] }] }
  expect_failures = [var.template_rules]
}

run "rejects_a_rule_for_an_empty_treatment" {
  command = plan
  variables { template_rules = [{ template = "gold", treatments = [""] }] }
  expect_failures = [var.template_rules]
}

run "rejects_a_rule_with_a_template_that_leaves_the_folder" {
  command = plan
  variables { template_rules = [{ template = "a/b", treatments = ["1"] }] }
  expect_failures = [var.template_rules]
}

run "rejects_more_rules_than_an_environment_holds" {
  command = plan
  variables {
    template_rules = [for number in range(60) : { template = "template-${number}", attributes = { Interest = ["interest-${number}"] } }]
  }
  expect_failures = [var.template_rules]
}

run "rejects_a_default_content_whose_characters_have_more_bytes_than_an_environment_holds" {
  command = plan

  variables {
    failure_policy  = "send_default"
    default_content = { subject = "Hi", html = join("", [for number in range(1000) : "語"]) }
  }

  expect_failures = [var.template_rules]
}

run "rejects_a_url_that_is_longer_than_an_environment_holds" {
  command = plan

  variables { store = { cms = { url = "https://cms.example.com/{template}/{locale}?${join("", [for number in range(1000) : "xyz"])}" } } }

  expect_failures = [var.template_rules]
}

run "rejects_more_published_templates_than_an_event_pattern_holds" {
  command = plan

  variables { publish = { templates = [for number in range(30) : "a-template-with-a-name-of-some-length-${number}"] } }

  expect_failures = [var.publish]
}
