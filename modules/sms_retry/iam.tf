locals {
  tables = aws_dynamodb_table.this
}

data "aws_iam_policy_document" "schedule" {
  statement {
    sid       = "CloseChainsOfMessagesThatArrived"
    actions   = ["dynamodb:BatchGetItem"]
    resources = [local.tables["chains"].arn]
  }

  statement {
    sid       = "QueueRetries"
    actions   = ["sqs:SendMessage"]
    resources = [module.retries.queue_arn]
  }
}

data "aws_iam_policy_document" "end_chains" {
  statement {
    sid       = "ChangeTheStateOfAChain"
    actions   = ["dynamodb:UpdateItem"]
    resources = [local.tables["chains"].arn]
  }

  statement {
    sid       = "DeleteTextsOfFinalFailures"
    actions   = ["dynamodb:DeleteItem"]
    resources = [local.tables["texts"].arn]
  }

  statement {
    sid       = "NotifyOfFinalFailures"
    actions   = ["sns:Publish"]
    resources = [module.topic.topic_arn]
  }
}

data "aws_iam_policy_document" "send" {
  # Lambda Developer Guide, "Using Lambda with Amazon SQS": permissions of the mapping.
  statement {
    sid       = "TakeRetries"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    resources = [module.retries.queue_arn]
  }

  statement {
    sid       = "QueueRetriesAgainThatAreNotDue"
    actions   = ["sqs:SendMessage"]
    resources = [module.retries.queue_arn]
  }

  statement {
    sid       = "ReadStatesAndTexts"
    actions   = ["dynamodb:GetItem"]
    resources = [local.tables["chains"].arn, local.tables["texts"].arn]
  }

  # Service Authorization Reference, "AWS End User Messaging SMS and Voice V2": a send is checked
  # against its origination identity and against its configuration set.
  statement {
    sid       = "SendTextsFromTheseIdentities"
    actions   = ["sms-voice:SendTextMessage"]
    resources = concat(var.origination_identity_arns, [local.configuration_set_arn])
  }
}

data "aws_iam_policy_document" "read_events" {
  count = local.has_stream ? 0 : 1

  # Lambda Developer Guide, "Using Lambda with Amazon SQS": permissions of the mapping.
  statement {
    sid       = "ReadEvents"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    resources = [module.events[0].queue_arn]
  }
}

# For programs that send texts.
data "aws_iam_policy_document" "remember" {
  statement {
    sid       = "RememberTexts"
    actions   = ["dynamodb:PutItem"]
    resources = [local.tables["texts"].arn]
  }

  dynamic "statement" {
    for_each = var.kms_key[*]

    content {
      sid       = "EncryptTexts"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value.arn]
    }
  }
}
