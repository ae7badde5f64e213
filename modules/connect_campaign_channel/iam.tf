data "aws_iam_policy_document" "claims" {
  statement {
    sid = "ClaimAndPace"
    actions = [
      "dynamodb:DeleteItem",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:UpdateItem",
    ]
    resources = [aws_dynamodb_table.contacts.arn]
  }
}

data "aws_iam_policy_document" "queue" {
  # Lambda Developer Guide, "Using Lambda with Amazon SQS": permissions of the mapping. The function
  # hides messages that wait.
  statement {
    sid = "ReadTheEndpoints"
    actions = [
      "sqs:ChangeMessageVisibility",
      "sqs:DeleteMessage",
      "sqs:GetQueueAttributes",
      "sqs:ReceiveMessage",
    ]
    resources = [module.intake.queue_arn]
  }

  statement {
    sid       = "RenewWaitingMessages"
    actions   = ["sqs:SendMessage"]
    resources = [module.intake.queue_arn]
  }
}

data "aws_iam_policy_document" "connect" {
  count = var.channel.connect == null ? 0 : 1

  statement {
    sid     = "StartCalls"
    actions = ["connect:StartOutboundVoiceContact"]

    # Service Authorization Reference, "Amazon Connect": the resource is the contact, whose id Connect
    # makes during the call.
    resources = ["arn:${data.aws_partition.current.partition}:connect:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:instance/${var.channel.connect.instance_id}/contact/*"]
  }
}

data "aws_iam_policy_document" "whatsapp" {
  count = var.channel.whatsapp == null ? 0 : 1

  statement {
    sid       = "SendWhatsAppMessages"
    actions   = ["social-messaging:SendWhatsAppMessage"]
    resources = [var.channel.whatsapp.phone_number_arn]
  }
}
