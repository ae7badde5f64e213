mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name = "shop-sms"
  pinpoint = {
    project_id = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
    api        = { url = "https://hub.example.com", execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:hub" }
  }
  phone_numbers = {
    news = { arn = "arn:aws:sms-voice:eu-west-1:111122223333:phone-number/phone-1", category = "promotional" }
  }
}

run "sets_the_number_to_two_way_sms_self_managed_opt_outs_and_the_list_of_its_category" {
  command = plan

  variables {
    categories = { promotional = { opt_out_list = { name = "adverts" } } }
  }

  assert {
    condition     = keys(module.numbers[0].results.SmsPhoneNumber) == ["news"]
    error_message = "UpdatePhoneNumber is Terraform's work, not the console's."
  }

  assert {
    condition     = length(aws_pinpointsmsvoicev2_opt_out_list.this) == 0 && output.opt_out_list_names.promotional == "adverts"
    error_message = "A list of the caller is used as it is."
  }
}

run "makes_a_list_for_each_category_without_one" {
  command = plan

  variables {
    categories = { promotional = {}, transactional = {}, adverts = { opt_out_list = { name = "adverts" } } }
  }

  assert {
    condition     = { for category, list in aws_pinpointsmsvoicev2_opt_out_list.this : category => list.name } == { promotional = "shop-sms-promotional", transactional = "shop-sms-transactional" }
    error_message = "Each category has a list of its own."
  }
}

run "leaves_numbers_alone_that_it_does_not_manage" {
  command = plan

  variables {
    phone_numbers = { news = { arn = "arn:aws:sms-voice:eu-west-1:111122223333:phone-number/phone-1", manage = false } }
  }

  assert {
    condition     = length(module.numbers) == 0
    error_message = "A number in a pool cannot be changed."
  }

  assert {
    condition     = tolist(data.aws_iam_policy_document.inbound.statement[4].resources) == tolist(["arn:aws:sms-voice:eu-west-1:111122223333:phone-number/phone-1"])
    error_message = "Answers still come from the number that was written to."
  }
}

run "ships_the_words_that_aws_requires" {
  command = plan

  assert {
    condition = length(setsubtract(
      ["ARRET", "CANCEL", "END", "OPT-OUT", "OPTOUT", "QUIT", "REMOVE", "STOP", "TD", "UNSUBSCRIBE"],
      flatten(values(var.keywords.stop.words)),
    )) == 0
    error_message = "End User Messaging requires these opt-out words."
  }

  assert {
    condition     = var.keywords.stop.category == "promotional" && alltrue([for keyword in values(var.keywords) : keyword.match == "message"])
    error_message = "STOP ends promotional messages, and only a whole message counts."
  }

  assert {
    condition     = jsondecode(aws_dynamodb_table_item.settings.item).pk.S == "settings#${sha256(jsondecode(aws_dynamodb_table_item.settings.item).settings.S)}"
    error_message = "A running function would keep the old keywords."
  }
}

run "keeps_evidence_that_nothing_deletes" {
  command = plan

  assert {
    condition     = aws_dynamodb_table.preferences[0].point_in_time_recovery[0].enabled && !contains(data.aws_iam_policy_document.inbound.statement[1].actions, "dynamodb:DeleteItem")
    error_message = "The function adds to the preferences and deletes nothing."
  }
}

run "uses_the_table_of_the_caller_with_its_key" {
  command = plan

  variables {
    preferences_table = {
      name    = "people"
      arn     = "arn:aws:dynamodb:eu-west-1:111122223333:table/people"
      kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/people" }
    }
  }

  assert {
    condition     = length(aws_dynamodb_table.preferences) == 0 && output.preferences_table_name == "people"
    error_message = "No second table is made."
  }

  assert {
    condition     = anytrue([for statement in data.aws_iam_policy_document.inbound.statement : statement.sid == "UseTheKeyOfThePreferences"])
    error_message = "The table's key is not the module's."
  }
}

run "reads_the_event_stream_where_there_is_one" {
  command = plan

  variables {
    event_stream = { stream_arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/news" }
  }

  assert {
    condition = jsondecode(module.subscriber[0].mapping.filter_pattern) == {
      data = { event_type = ["_SMS.BUFFERED", "_SMS.FAILURE", "_SMS.OPTOUT", "_SMS.SUCCESS", "_campaign.send", "_journey.send"] }
    }
    error_message = "Events of text messages show the number of an endpoint."
  }
}

run "needs_no_event_stream" {
  command = plan

  assert {
    condition     = length(module.subscriber) == 0 && output.dead_letter_queue_urls.records == null
    error_message = "Without a stream endpoints are found by their ids and users."
  }
}

run "tells_other_systems_by_an_event_without_the_number" {
  command = plan

  assert {
    condition     = var.events == { bus_name = "default", include_number = false }
    error_message = "The default event has no number."
  }
}

run "sends_no_event_where_none_is_wanted" {
  command = plan

  variables { events = null }

  assert {
    condition     = !anytrue([for statement in data.aws_iam_policy_document.inbound.statement : statement.sid == "TellOtherSystems"])
    error_message = "A permission that is not used goes."
  }
}

run "tries_numbers_that_a_list_kept_every_day" {
  command = plan

  assert {
    condition     = aws_cloudwatch_event_rule.kept_numbers.schedule_expression == "rate(1 day)" && jsondecode(aws_cloudwatch_event_target.kept_numbers.input) == { sms_self_managed_opt_outs = { try = "kept_numbers" } }
    error_message = "A number can leave a list once in 30 days."
  }
}

run "rejects_a_number_that_has_two_entries" {
  command = plan

  variables {
    phone_numbers = {
      news  = { arn = "arn:aws:sms-voice:eu-west-1:111122223333:phone-number/phone-1", category = "promotional" }
      codes = { arn = "arn:aws:sms-voice:eu-west-1:111122223333:phone-number/phone-1" }
    }
  }

  expect_failures = [var.phone_numbers]
}

run "rejects_an_arn_that_is_no_phone_number_and_a_category_that_is_not_there" {
  command = plan

  variables {
    phone_numbers = { news = { arn = "arn:aws:sms-voice:eu-west-1:111122223333:pool/pool-1", category = "adverts" } }
  }

  expect_failures = [var.phone_numbers]
}

run "rejects_no_phone_number_at_all" {
  command = plan

  variables { phone_numbers = {} }

  expect_failures = [var.phone_numbers]
}

run "rejects_a_category_of_a_number_that_is_not_managed" {
  command = plan

  variables {
    phone_numbers = { news = { arn = "arn:aws:sms-voice:eu-west-1:111122223333:phone-number/phone-1", category = "promotional", manage = false } }
  }

  expect_failures = [var.phone_numbers]
}

run "rejects_the_category_all_and_bad_names_of_lists" {
  command = plan

  variables {
    categories = { promotional = { opt_out_list = { name = "arn:aws:sms-voice" } }, all = {} }
  }

  expect_failures = [var.categories]
}

run "rejects_keywords_without_an_opt_out" {
  command = plan

  variables {
    keywords = { help = { action = "help", words = { en = ["HELP"] }, replies = { en = "Help" } } }
  }

  expect_failures = [var.keywords]
}

run "rejects_an_action_and_a_match_that_do_not_exist" {
  command = plan

  variables {
    keywords = {
      stop = { action = "opt_out", category = "promotional", words = { en = ["STOP"] } }
      odd  = { action = "unsubscribe", match = "contains", words = { en = ["ODD"] }, replies = { en = "Odd" } }
    }
  }

  expect_failures = [var.keywords]
}

run "rejects_a_word_with_two_meanings" {
  command = plan

  variables {
    keywords = {
      stop  = { action = "opt_out", category = "promotional", words = { en = ["STOP"] } }
      start = { action = "opt_in", category = "promotional", words = { en = ["stop "] } }
    }
  }

  expect_failures = [var.keywords]
}

run "rejects_a_word_with_two_meanings_that_differ_in_punctuation" {
  command = plan

  variables {
    keywords = {
      stop  = { action = "opt_out", category = "promotional", words = { en = ["Opt-Out"] } }
      start = { action = "opt_in", category = "promotional", words = { en = ["\"OPT\u200b  OUT!\" 🙏"] } }
    }
  }

  expect_failures = [var.keywords]
}

run "takes_words_that_differ_in_a_mark" {
  command = plan

  variables {
    keywords = {
      stop  = { action = "opt_out", category = "promotional", words = { th = ["หยุด"], fr = ["ARRÊT"] }, replies = { en = "Out" } }
      start = { action = "opt_in", category = "promotional", words = { th = ["หยด"], fr = ["ARRET"] }, replies = { en = "In" } }
    }
  }

  assert {
    condition     = length(jsondecode(local.settings).keywords) == 2
    error_message = "A mark can be a letter of its own."
  }
}

run "rejects_a_word_of_punctuation" {
  command = plan

  variables {
    keywords = { stop = { action = "opt_out", category = "promotional", words = { en = ["!!!"] } } }
  }

  expect_failures = [var.keywords]
}

run "rejects_an_opt_out_of_an_unknown_category" {
  command = plan

  variables {
    keywords = { stop = { action = "opt_out", category = "adverts", words = { en = ["STOP"] } } }
  }

  expect_failures = [var.keywords]
}

run "rejects_an_opt_out_without_a_category" {
  command = plan

  variables {
    keywords = { stop = { action = "opt_out", words = { en = ["STOP"] } } }
  }

  expect_failures = [var.keywords]
}

run "rejects_help_without_an_answer_and_a_language_without_one" {
  command = plan

  variables {
    keywords = {
      stop = { action = "opt_out", category = "promotional", words = { en = ["STOP"], de = ["HALT"] }, replies = { de = "Ende" } }
      help = { action = "help", words = { en = ["HELP"] } }
    }
  }

  expect_failures = [var.keywords]
}

run "rejects_an_answer_too_long_for_a_text_message" {
  command = plan

  variables {
    keywords = { stop = { action = "opt_out", category = "promotional", words = { en = ["STOP"] }, replies = { en = format("%01601d", 0) } } }
  }

  expect_failures = [var.keywords]
}

run "rejects_an_id_pattern_without_a_number_and_a_long_attribute" {
  command = plan

  variables {
    endpoints = { attribute = "an attribute with blanks", id_patterns = ["everybody"] }
  }

  expect_failures = [var.endpoints]
}

run "rejects_a_bus_by_arn_a_table_by_name_a_stream_by_name_and_a_language_with_blanks" {
  command = plan

  variables {
    events            = { bus_name = "arn:aws:events:eu-west-1:111122223333:event-bus/default" }
    event_stream      = { stream_arn = "news" }
    language          = "english language"
    preferences_table = { name = "people", arn = "people" }
  }

  expect_failures = [var.events, var.event_stream, var.language, var.preferences_table]
}

run "rejects_a_name_with_capitals_a_retention_that_cloudwatch_does_not_offer_and_zips_from_two_places" {
  command = plan

  variables {
    name               = "Shop"
    log_retention_days = 8
    packages           = { directory = "dist", s3 = { bucket = "zips" } }
  }

  expect_failures = [var.name, var.log_retention_days, var.packages]
}

run "fits_the_longest_name_into_every_aws_name" {
  command = plan

  variables {
    name         = "abcdefghijklmnopqrstuvwxyz"
    event_stream = { stream_arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/news" }
  }

  assert {
    condition     = length("${var.name}-numbers-events-lambda") <= 64
    error_message = "A role name has at most 64 characters."
  }
}
