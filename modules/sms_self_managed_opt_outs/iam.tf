data "aws_iam_policy_document" "inbound" {
  # Lambda Developer Guide, "Using Lambda with Amazon SQS": permissions of the mapping.
  statement {
    sid       = "ReadTheQueue"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    resources = [module.queue.queue_arn]
  }

  # Nothing is deleted from the preferences.
  statement {
    sid       = "RecordMessages"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"]
    resources = [local.table.arn]
  }

  statement {
    sid       = "FindEndpointsAndRememberKeptNumbers"
    actions   = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"]
    resources = [aws_dynamodb_table.index.arn]
  }

  statement {
    sid       = "KeepTheOptOutLists"
    actions   = ["sms-voice:DeleteOptedOutNumber", "sms-voice:PutOptedOutNumber"]
    resources = distinct([for name in values(local.opt_out_lists) : "${local.sms_voice_arn}:opt-out-list/${name}"])
  }

  statement {
    sid       = "AnswerFromTheNumberThatWasWrittenTo"
    actions   = ["sms-voice:SendTextMessage"]
    resources = values(var.phone_numbers)[*].arn
  }

  dynamic "statement" {
    for_each = var.events[*]

    content {
      sid       = "TellOtherSystems"
      actions   = ["events:PutEvents"]
      resources = ["arn:${data.aws_partition.current.partition}:events:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:event-bus/${statement.value.bus_name}"]

      condition {
        test     = "ForAllValues:StringEquals" # the key has a value for each entry of a call
        variable = "events:source"
        values   = ["sms_self_managed_opt_outs"]
      }
    }
  }

  dynamic "statement" {
    for_each = local.own_table_key

    content {
      sid       = "UseTheKeyOfThePreferences"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value.arn]
    }
  }
}

locals {
  own_table_key = var.preferences_table == null ? [] : var.preferences_table.kms_key[*]
}

data "aws_iam_policy_document" "learn" {
  statement {
    sid       = "LearnEndpoints"
    actions   = ["dynamodb:PutItem", "dynamodb:UpdateItem"]
    resources = [aws_dynamodb_table.index.arn]
  }

  statement {
    sid       = "KnowNumbersWithPreferences"
    actions   = ["dynamodb:Query"]
    resources = [local.table.arn]
  }

  statement {
    sid       = "HaveNewEndpointsMarked"
    actions   = ["sqs:SendMessage"]
    resources = [module.queue.queue_arn]
  }

  dynamic "statement" {
    for_each = local.own_table_key

    content {
      sid       = "UseTheKeyOfThePreferences"
      actions   = ["kms:Decrypt"]
      resources = [statement.value.arn]
    }
  }
}
