data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  # Amazon Pinpoint requires iam:PassRole for the stream's role; a hub assumes the role itself.
  passes_stream_role = var.event_stream == null || var.pinpoint == null ? false : var.pinpoint.api == null
  sets_destinations  = length(var.sms_event_destinations) > 0
  sets_numbers       = length(var.sms_phone_numbers) > 0

  sms_voice_arn     = "arn:${data.aws_partition.current.partition}:sms-voice:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}"
  phone_numbers     = [for properties in values(var.sms_phone_numbers) : jsondecode(properties)]
  phone_number_arns = distinct([for number in local.phone_numbers : startswith(number.PhoneNumberId, "arn:") ? number.PhoneNumberId : "${local.sms_voice_arn}:phone-number/${number.PhoneNumberId}"])
  channel_roles     = compact([for number in local.phone_numbers : try(number.TwoWayChannelRole, "")])

  destinations      = [for properties in values(var.sms_event_destinations) : jsondecode(properties)]
  destination_roles = compact(flatten([for destination in local.destinations : [for name in ["CloudWatchLogsDestination", "KinesisFirehoseDestination"] : try(destination[name].IamRoleArn, "")]]))

  policies = merge(
    length(local.api_operations) == 0 ? {} : { pinpoint = module.access[0].policy_json },
    local.passes_stream_role ? { pass-stream-role = data.aws_iam_policy_document.pass_stream_role[0].json } : {},
    local.sets_numbers ? { sms-phone-numbers = data.aws_iam_policy_document.sms_phone_numbers[0].json } : {},
    local.sets_destinations ? { sms-event-destinations = data.aws_iam_policy_document.sms_event_destinations[0].json } : {},
  )
}

data "aws_iam_policy_document" "pass_stream_role" {
  count = local.passes_stream_role ? 1 : 0

  statement {
    sid       = "LetPinpointWriteToTheStream"
    actions   = ["iam:PassRole"]
    resources = [var.event_stream.role_arn]

    # Roles trust pinpoint.amazonaws.com; the Service Authorization Reference names
    # mobiletargeting.amazonaws.com as the value of this key. Both are Amazon Pinpoint.
    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["pinpoint.amazonaws.com", "mobiletargeting.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "sms_event_destinations" {
  #checkov:skip=CKV_AWS_356:The one listing action cannot be narrowed; see the comment at its statement.
  count = local.sets_destinations ? 1 : 0

  statement {
    sid = "ManageEventDestinations"
    actions = [
      "sms-voice:CreateEventDestination",
      "sms-voice:DeleteEventDestination",
      "sms-voice:UpdateEventDestination",
    ]
    resources = distinct([
      for destination in local.destinations :
      "arn:${data.aws_partition.current.partition}:sms-voice:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:configuration-set/${destination.ConfigurationSetName}"
    ])
  }

  statement {
    sid     = "FindEventDestinations"
    actions = ["sms-voice:DescribeConfigurationSets"]

    # A list operation: a request names configuration sets, but IAM evaluates it on all sets of the
    # account (End User Messaging SMS API Reference, "DescribeConfigurationSets"). The response has no
    # messages.
    resources = ["*"]
  }

  dynamic "statement" {
    for_each = length(local.destination_roles) == 0 ? [] : [local.destination_roles]

    content {
      sid       = "LetSmsEventsReachTheirDestination"
      actions   = ["iam:PassRole"]
      resources = statement.value

      condition {
        test     = "StringEquals"
        variable = "iam:PassedToService"
        values   = ["sms-voice.amazonaws.com"]
      }
    }
  }
}

data "aws_iam_policy_document" "sms_phone_numbers" {
  #checkov:skip=CKV_AWS_356:The one listing action cannot be narrowed; see the comment at its statement.
  count = local.sets_numbers ? 1 : 0

  statement {
    sid = "SetThePhoneNumbers"
    actions = [
      "sms-voice:ListTagsForResource",
      "sms-voice:TagResource",
      "sms-voice:UntagResource",
      "sms-voice:UpdatePhoneNumber",
    ]
    resources = local.phone_number_arns
  }

  statement {
    sid     = "FindThePhoneNumbers"
    actions = ["sms-voice:DescribePhoneNumbers"]

    # A list operation: a request names phone numbers, but IAM evaluates it on all numbers of the
    # account (End User Messaging SMS API Reference, "DescribePhoneNumbers"). The response has no
    # messages.
    resources = ["*"]
  }

  dynamic "statement" {
    for_each = length(local.channel_roles) == 0 ? [] : [local.channel_roles]

    content {
      sid       = "LetInboundMessagesReachTheirTopic"
      actions   = ["iam:PassRole"]
      resources = statement.value

      condition {
        test     = "StringEquals"
        variable = "iam:PassedToService"
        values   = ["sms-voice.amazonaws.com"]
      }
    }
  }
}
