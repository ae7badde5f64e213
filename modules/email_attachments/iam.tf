locals {
  senders = concat(
    [{ from_address = var.email.from_address, identity_arn = var.email.identity_arn }],
    values(var.email.other_senders),
  )
}

data "aws_iam_policy_document" "send" {
  statement {
    sid = "SendEmailFromTheseAddresses"

    # SES API v2 authorizes raw messages as ses:SendRawEmail. AWS does not say which of the two actions
    # it checks for the message that it makes of content with attachments.
    actions = ["ses:SendEmail", "ses:SendRawEmail"]
    resources = concat(
      distinct([for sender in local.senders : sender.identity_arn]),
      var.email.recipient_identity_arns,
      [for set in var.email.configuration_set[*] : "arn:${local.partition}:ses:${local.region}:${local.account_id}:configuration-set/${set.name}"],
    )

    condition {
      # A domain may have capital letters in the input; the function writes it in lower case.
      test     = "StringEqualsIgnoreCase"
      variable = "ses:FromAddress"
      values   = distinct([for sender in local.senders : trimsuffix(element(split("<", sender.from_address), -1), ">")])
    }
  }

  # Links are signed with this permission, too.
  statement {
    sid       = "ReadFiles"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket_arn}/${var.files.prefix}*"]
  }

  # Amazon S3 API reference, "GetObject" and "HeadObject": without s3:ListBucket a missing object is 403
  # instead of 404, which is also the answer of a missing permission.
  statement {
    sid       = "TellAMissingFileFromARefusal"
    actions   = ["s3:ListBucket"]
    resources = [local.bucket_arn]
  }

  dynamic "statement" {
    for_each = local.bucket_key[*]

    content {
      sid       = "DecryptFilesOfYourBucket"
      actions   = ["kms:Decrypt"]
      resources = [statement.value.arn]
    }
  }

  statement {
    sid       = "ClaimAndPaceSends"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
    resources = [aws_dynamodb_table.state.arn]
  }

  # Lambda Developer Guide, "Using Lambda with Amazon SQS": permissions of the mapping.
  statement {
    sid       = "TakeEndpoints"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    resources = [module.channel.queue_arn]
  }

  statement {
    sid       = "LetPostponedEmailsWait"
    actions   = ["sqs:ChangeMessageVisibility"]
    resources = [module.channel.queue_arn]
  }

  statement {
    sid       = "ParkMessages"
    actions   = ["sqs:SendMessage"]
    resources = [module.channel.dead_letter_queue_arn]
  }
}
