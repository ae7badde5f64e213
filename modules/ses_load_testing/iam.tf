locals {
  named_arns = concat(
    [for name in var.sending.configuration_sets : "arn:${local.partition}:ses:${local.region}:${local.account_id}:configuration-set/${name}"],
    [for name in var.sending.templates : "arn:${local.partition}:ses:${local.region}:${local.account_id}:template/${name}"],
  )
  identity_arns = concat(var.sending.identity_arns, var.sending.recipient_identity_arns)

  # An IAM role takes 10,240 characters of inline policies: 2,700 are for the other statements. Names
  # are known at plan even where ARNs of identities are not. Each entry has two quotation marks and a
  # comma.
  named_characters    = length(join("", local.named_arns)) + 3 * length(local.named_arns)
  identity_characters = length(join("", local.identity_arns)) + 3 * length(local.identity_arns)
}

data "aws_iam_policy_document" "sender" {
  #checkov:skip=CKV_AWS_356:GetAccount knows no resource; see the comment at the statement.
  statement {
    sid = "Send"

    # SendBulkEmail of SES API v2 also requires the action of the older API.
    actions   = ["ses:SendBulkEmail", "ses:SendBulkTemplatedEmail"]
    resources = concat(local.identity_arns, local.named_arns)
  }

  statement {
    sid     = "AskForTheQuota"
    actions = ["ses:GetAccount"]

    # Service Authorization Reference, "Actions, resources, and condition keys for Amazon Simple
    # Email Service v2": GetAccount does not support resource-level permissions.
    resources = ["*"]
  }

  statement {
    sid       = "ReadUsers"
    actions   = ["dynamodb:BatchGetItem"]
    resources = [local.metadata_table_arn]
  }

  statement {
    sid       = "KeepTheLedger"
    actions   = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
    resources = [aws_dynamodb_table.state.arn]
  }

  statement {
    sid       = "ReadTheQueue"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"]
    resources = [module.queue.queue_arn]
  }

  statement {
    sid       = "KeepWhatWasNotSent"
    actions   = ["sqs:SendMessage"]
    resources = [module.queue.dead_letter_queue_arn, aws_sqs_queue.parked.arn]
  }

  statement {
    sid       = "AskToStop"
    actions   = ["lambda:InvokeFunction"]
    resources = [local.quota_watch_arn]
  }

  dynamic "statement" {
    for_each = var.metadata_table == null ? [] : local.metadata_key[*]

    content {
      sid       = "ReadEncryptedUsers"
      actions   = ["kms:Decrypt"]
      resources = [statement.value.arn]
    }
  }

  lifecycle {
    precondition {
      condition     = local.named_characters <= 5500
      error_message = "sending.configuration_sets and sending.templates make ${local.named_characters} characters of ARNs, and only 5,500 fit: IAM takes 10,240 characters of inline policies of a role. Use templates = [\"*\"], or split the templates over two copies of the module."
    }

    precondition {
      condition     = local.identity_characters <= 2000
      error_message = "sending.identity_arns and sending.recipient_identity_arns have ${local.identity_characters} characters, and only 2,000 fit: IAM takes 10,240 characters of inline policies of a role. Name the identity of a domain instead of its addresses, or split the senders over two copies of the module."
    }
  }
}

data "aws_iam_policy_document" "quota_watch" {
  #checkov:skip=CKV_AWS_356:GetAccount knows no resource; see the comment at the statement.
  statement {
    sid       = "TurnDeliveriesOnAndOff"
    actions   = ["lambda:UpdateEventSourceMapping"]
    resources = [aws_lambda_event_source_mapping.sender.arn]
  }

  statement {
    sid     = "AskForTheQuota"
    actions = ["ses:GetAccount"]

    # Service Authorization Reference, "Actions, resources, and condition keys for Amazon Simple
    # Email Service v2": GetAccount does not support resource-level permissions.
    resources = ["*"]
  }

  statement {
    sid       = "RememberWhatWasStopped"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"]
    resources = [aws_dynamodb_table.state.arn]
  }

  # DynamoDB reads and writes items under a customer managed key with the caller's own rights.
  dynamic "statement" {
    for_each = var.kms_key[*]

    content {
      sid       = "UseTheTableKey"
      actions   = ["kms:Decrypt"]
      resources = [statement.value.arn]
    }
  }
}

data "aws_iam_policy_document" "api" {
  statement {
    sid       = "Queue"
    actions   = ["sqs:SendMessage"]
    resources = [module.queue.queue_arn]
  }

  dynamic "statement" {
    for_each = var.api == null ? [] : var.api.api_key[*]

    content {
      sid       = "ReadTheApiKey"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = [statement.value.secret_arn]
    }
  }

  dynamic "statement" {
    for_each = var.api == null ? [] : flatten([for key in var.api.api_key[*] : key.kms_key[*].arn])

    content {
      sid       = "DecryptTheApiKey"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]
    }
  }
}

module "schedule_role" {
  source = "../internal/schedule_role"

  name                  = "${var.name}-schedule"
  description           = "Lets the schedule of ${local.quota_watch_name} invoke it."
  target                = { action = "lambda:InvokeFunction", arn = module.quota_watch.function_arn }
  dead_letter_queue_arn = module.missed_looks.queue_arn
  operations            = local.operations
}
