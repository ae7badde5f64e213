data "aws_iam_policy_document" "suppress" {
  #checkov:skip=CKV_AWS_111:The action knows no resource; see the comment at the statement.
  #checkov:skip=CKV_AWS_356:The action knows no resource; see the comment at the statement.
  statement {
    sid     = "PutAddressesOnTheSuppressionList"
    actions = ["ses:PutSuppressedDestination"]

    # Service Authorization Reference, "Actions, resources, and condition keys for Amazon Simple
    # Email Service v2": the action has no resource type, because the list belongs to the account.
    resources = ["*"]
  }

  statement {
    sid       = "TellOtherSystems"
    actions   = ["events:PutEvents"]
    resources = [local.event_bus_arn]

    condition {
      test     = "ForAllValues:StringEquals" # a call has many entries, each with a source
      variable = "events:source"
      values   = [var.event_source]
    }
  }

  statement {
    sid       = "ReadBothTables"
    actions   = ["dynamodb:BatchGetItem"]
    resources = [local.address_table.arn, aws_dynamodb_table.feedback.arn]
  }

  statement {
    sid       = "RecordAddresses"
    actions   = ["dynamodb:UpdateItem"]
    resources = [local.address_table.arn]
  }

  statement {
    sid       = "RecordFeedback"
    actions   = ["dynamodb:PutItem"]
    resources = [aws_dynamodb_table.feedback.arn]
  }

  dynamic "statement" {
    for_each = length(local.kms_key_arns) == 0 ? [] : [local.kms_key_arns]

    content {
      sid       = "UseTheKeysOfTheTables"
      actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
      resources = statement.value
    }
  }
}
