mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name     = "import"
  pinpoint = { project_id = "0123456789abcdef0123456789abcdef" }
  sms_templates = {
    greeting = "{\"TemplateName\":\"greeting\",\"Body\":\"Hello\"}"
  }
}

run "asks_the_function_for_each_resource" {
  command = plan

  assert {
    condition     = aws_lambda_invocation.this["SmsTemplate/greeting"].lifecycle_scope == "CRUD"
    error_message = "The function must be invoked for updates and for the destroy, too."
  }

  assert {
    condition = {
      for name in ["owner", "project_id", "type"] : name => jsondecode(aws_lambda_invocation.this["SmsTemplate/greeting"].input)[name]
      } == {
      owner      = "import-resources/greeting"
      project_id = "0123456789abcdef0123456789abcdef"
      type       = "SmsTemplate"
    }
    error_message = "The input of the function must name the resource, the project and the caller's key."
  }

  assert {
    condition     = jsondecode(aws_lambda_invocation.this["SmsTemplate/greeting"].input).properties == { TemplateName = "greeting", Body = "Hello" }
    error_message = "The properties must arrive as they are."
  }
}

run "asks_for_nothing_that_is_not_given" {
  command = plan

  variables { sms_templates = {} }

  assert {
    condition     = length(aws_lambda_invocation.this) == 0 && length(local.policies) == 0
    error_message = "Without resources nothing must be asked for, and nothing be allowed."
  }
}

run "manages_resources_of_every_type" {
  command = plan

  variables {
    application_settings = { properties = "{\"CloudWatchMetricsEnabled\":true}" }
    channels             = { email = "{\"Enabled\":true,\"Identity\":\"example.com\"}", sms = "{\"Enabled\":true}", voice = "{\"Enabled\":false}" }
    email_templates      = { greeting = "{\"TemplateName\":\"greeting\",\"Subject\":\"Hello\"}" }
    event_stream = {
      stream_arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/events"
      role_arn   = "arn:aws:iam::111122223333:role/engagement-hub/stream"
    }
    projects               = { news = "{\"Name\":\"news\"}" }
    segments               = { everybody = "{\"Name\":\"everybody\"}" }
    sms_event_destinations = { events = "{\"ConfigurationSetName\":\"texts\",\"EventDestinationName\":\"all\",\"MatchingEventTypes\":[\"ALL\"]}" }
    sms_phone_numbers      = { news = "{\"PhoneNumberId\":\"phone-1\",\"TwoWayEnabled\":true}" }
  }

  assert {
    condition = {
      for key, invocation in aws_lambda_invocation.this : key => jsonencode([jsondecode(invocation.input).type, jsondecode(invocation.input).properties])
      } == {
      "App/news"                    = jsonencode(["App", { Name = "news" }])
      "ApplicationSettings/project" = jsonencode(["ApplicationSettings", { CloudWatchMetricsEnabled = true }])
      "Channel/email"               = jsonencode(["Channel", { Channel = "email", Enabled = true, Identity = "example.com" }])
      "Channel/sms"                 = jsonencode(["Channel", { Channel = "sms", Enabled = true }])
      "Channel/voice"               = jsonencode(["Channel", { Channel = "voice", Enabled = false }])
      "EmailTemplate/greeting"      = jsonencode(["EmailTemplate", { Subject = "Hello", TemplateName = "greeting" }])
      "EventStream/project" = jsonencode(["EventStream", {
        DestinationStreamArn = "arn:aws:kinesis:eu-west-1:111122223333:stream/events"
        RoleArn              = "arn:aws:iam::111122223333:role/engagement-hub/stream"
        TakeOver             = false
      }])
      "Segment/everybody" = jsonencode(["Segment", { Name = "everybody" }])
      "SmsConfigurationSetEventDestination/events" = jsonencode(["SmsConfigurationSetEventDestination", {
        ConfigurationSetName = "texts"
        EventDestinationName = "all"
        MatchingEventTypes   = ["ALL"]
      }])
      "SmsPhoneNumber/news"  = jsonencode(["SmsPhoneNumber", { PhoneNumberId = "phone-1", TwoWayEnabled = true }])
      "SmsTemplate/greeting" = jsonencode(["SmsTemplate", { Body = "Hello", TemplateName = "greeting" }])
    }
    error_message = "Each input must become a resource of its type, and templates of two types may share a key."
  }

  assert {
    condition     = toset(local.api_operations) == toset(flatten(values(local.operations_of)))
    error_message = "The operations of every type must be allowed."
  }

  assert {
    condition     = join(" ", keys(local.policies)) == "pass-stream-role pinpoint sms-event-destinations sms-phone-numbers"
    error_message = "The stream's role and the event destinations need policies of their own."
  }
}

run "allows_what_the_types_need_and_no_more" {
  command = plan

  assert {
    condition     = join(" ", keys(local.policies)) == "pinpoint"
    error_message = "A template needs Pinpoint operations only."
  }

  assert {
    condition     = toset(local.api_operations) == toset(local.operations_of["SmsTemplate"])
    error_message = "Only the operations of the types in use are allowed."
  }
}

run "creates_projects_and_templates_through_an_api_without_a_project" {
  command = plan

  variables {
    pinpoint = {
      api = {
        url           = "https://hub.execute-api.eu-west-1.amazonaws.com"
        execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:hub"
      }
    }
    projects = { news = "{\"Name\":\"news\"}" }
  }

  assert {
    condition     = alltrue([for invocation in aws_lambda_invocation.this : jsondecode(invocation.input).project_id == null])
    error_message = "Resources without a project must be requested without a project."
  }

  assert {
    condition     = module.access[0].environment == tomap({ PINPOINT_API_URL = "https://hub.execute-api.eu-west-1.amazonaws.com" })
    error_message = "The function must call the hub."
  }
}

run "passes_the_streams_role_to_amazon_pinpoint" {
  command = plan

  variables {
    event_stream = {
      stream_arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/events"
      role_arn   = "arn:aws:iam::111122223333:role/engagement-hub/stream"
    }
  }

  assert {
    condition     = join(" ", data.aws_iam_policy_document.pass_stream_role[0].statement[0].resources) == "arn:aws:iam::111122223333:role/engagement-hub/stream"
    error_message = "Only the stream's role may be passed."
  }
}

run "passes_no_role_to_a_hub_which_assumes_it_itself" {
  command = plan

  variables {
    pinpoint = {
      project_id = "0123456789abcdef0123456789abcdef"
      api = {
        url           = "https://hub.execute-api.eu-west-1.amazonaws.com"
        execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:hub"
      }
    }
    event_stream = {
      stream_arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/events"
      role_arn   = "arn:aws:iam::111122223333:role/engagement-hub/stream"
    }
  }

  assert {
    condition     = join(" ", keys(local.policies)) == "pinpoint"
    error_message = "A hub assumes the role: no role is passed to it."
  }
}

run "takes_an_event_stream_over_when_told" {
  command = plan

  variables {
    event_stream = {
      stream_arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/events"
      role_arn   = "arn:aws:iam::111122223333:role/engagement-hub/stream"
      take_over  = true
    }
  }

  assert {
    condition     = jsondecode(aws_lambda_invocation.this["EventStream/project"].input).properties.TakeOver
    error_message = "The input of the function must allow it to replace a stream."
  }
}

run "manages_event_destinations_of_the_named_configuration_set_only" {
  command = plan

  variables {
    pinpoint      = null
    sms_templates = {}
    sms_event_destinations = {
      events = "{\"ConfigurationSetName\":\"texts\",\"EventDestinationName\":\"all\",\"MatchingEventTypes\":[\"ALL\"],\"KinesisFirehoseDestination\":{\"IamRoleArn\":\"arn:aws:iam::111122223333:role/sms-events\",\"DeliveryStreamArn\":\"arn:aws:firehose:eu-west-1:111122223333:deliverystream/sms\"}}"
    }
  }

  assert {
    condition     = join(" ", keys(local.policies)) == "sms-event-destinations" && length(module.access) == 0
    error_message = "No Pinpoint operation and no project is needed for it."
  }

  assert {
    condition     = jsondecode(aws_lambda_invocation.this["SmsConfigurationSetEventDestination/events"].input).project_id == null
    error_message = "The destination must be requested without a project."
  }

  assert {
    condition     = join(" ", data.aws_iam_policy_document.sms_event_destinations[0].statement[0].resources) == "arn:aws:sms-voice:eu-west-1:111122223333:configuration-set/texts"
    error_message = "Other configuration sets are out of reach."
  }

  assert {
    condition     = join(" ", data.aws_iam_policy_document.sms_event_destinations[0].statement[2].resources) == "arn:aws:iam::111122223333:role/sms-events"
    error_message = "Only the destination's role may be passed."
  }
}

run "sets_the_named_phone_numbers_only" {
  command = plan

  variables {
    pinpoint      = null
    sms_templates = {}
    sms_phone_numbers = {
      by_id  = "{\"PhoneNumberId\":\"phone-1\",\"TwoWayEnabled\":true,\"TwoWayChannelRole\":\"arn:aws:iam::111122223333:role/inbound\"}"
      by_arn = "{\"PhoneNumberId\":\"arn:aws:sms-voice:eu-west-1:444455556666:phone-number/phone-2\",\"TwoWayEnabled\":true}"
    }
  }

  assert {
    condition     = join(" ", keys(local.policies)) == "sms-phone-numbers" && length(module.access) == 0
    error_message = "No Pinpoint operation and no project is needed for it."
  }

  assert {
    condition     = join(" ", sort(data.aws_iam_policy_document.sms_phone_numbers[0].statement[0].resources)) == "arn:aws:sms-voice:eu-west-1:111122223333:phone-number/phone-1 arn:aws:sms-voice:eu-west-1:444455556666:phone-number/phone-2"
    error_message = "Other phone numbers are out of reach."
  }

  assert {
    condition     = join(" ", data.aws_iam_policy_document.sms_phone_numbers[0].statement[2].resources) == "arn:aws:iam::111122223333:role/inbound"
    error_message = "Only the role of the two-way channel may be passed."
  }
}

run "rejects_two_keys_for_one_phone_number" {
  command = plan

  variables {
    sms_phone_numbers = {
      a = "{\"PhoneNumberId\":\"phone-1\",\"TwoWayEnabled\":true}"
      b = "{\"PhoneNumberId\":\"phone-1\",\"TwoWayEnabled\":false}"
    }
  }

  expect_failures = [var.sms_phone_numbers]
}

run "gives_the_apis_answers_by_type_and_key" {
  command = apply

  # The function repeats the revision that it was asked for, the SHA-256 of
  #   [{"api":null,"project_id":"0123456789abcdef0123456789abcdef"},{"key":"greeting","properties":"{\"TemplateName\":\"greeting\",\"Body\":\"Hello\"}","type":"SmsTemplate"}]
  override_resource {
    target = aws_lambda_invocation.this
    values = {
      result = "{\"Arn\":\"arn:aws:mobiletargeting:eu-west-1:111122223333:templates/greeting/SMS\",\"Revision\":\"301a9bef6f1e3cc75382aa6047a15f678703844d4fd5e7f0a4fb395b8739f1b8\",\"Version\":\"1\"}"
    }
  }

  assert {
    condition = output.results.SmsTemplate["greeting"] == {
      Arn     = "arn:aws:mobiletargeting:eu-west-1:111122223333:templates/greeting/SMS"
      Version = "1"
    }
    error_message = "Callers must find the answer by the type and their own key, without our revision."
  }

  assert {
    condition     = keys(output.results) == keys(local.operations_of) && length(output.results.Segment) == 0
    error_message = "Every type must be there, also where it has no resource."
  }
}

run "an_update_that_failed_does_not_look_done" {
  command = plan

  variables { sms_templates = { greeting = "{\"TemplateName\":\"greeting\",\"Body\":\"Good morning\"}" } }

  # The mocked plan keeps the answer of the run before, as a plan after a failed update does.
  expect_failures = [output.results]
}

run "rejects_resources_of_a_project_without_one" {
  command = plan

  variables { pinpoint = null }

  expect_failures = [var.pinpoint]
}

run "rejects_a_channel_that_is_not_managed" {
  command = plan

  variables { channels = { push = "{\"Enabled\":true}" } }

  expect_failures = [var.channels]
}

run "rejects_properties_that_are_no_object" {
  command = plan

  variables {
    application_settings   = { properties = "[1]" }
    channels               = { sms = "[1]" }
    email_templates        = { greeting = "\"greeting\"" }
    projects               = { news = "news" }
    segments               = { everybody = "1" }
    sms_event_destinations = { events = "[]" }
    sms_phone_numbers      = { news = "{}" }
    sms_templates          = { greeting = "[1]" }
  }

  expect_failures = [
    var.application_settings,
    var.channels,
    var.email_templates,
    var.projects,
    var.segments,
    var.sms_event_destinations,
    var.sms_phone_numbers,
    var.sms_templates,
  ]
}

run "rejects_a_name_with_capitals" {
  command = plan

  variables { name = "Import" }

  expect_failures = [var.name]
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

run "rejects_two_keys_for_one_template" {
  command = plan

  variables {
    sms_templates = {
      first  = jsonencode({ TemplateName = "greeting", Body = "Hello" })
      second = jsonencode({ TemplateName = "greeting", Body = "Good day" })
    }
  }

  expect_failures = [var.sms_templates]
}
