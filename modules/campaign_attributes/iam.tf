# A public HTTPS endpoint without a secret needs no permission.
data "aws_iam_policy_document" "source" {
  count = local.https != null && local.header == null ? 0 : 1

  dynamic "statement" {
    for_each = local.table == null ? [] : ["table"]

    content {
      sid       = "ReadAttributes"
      actions   = ["dynamodb:BatchGetItem"]
      resources = [local.table_arn]
    }
  }

  dynamic "statement" {
    for_each = local.function[*]

    content {
      sid       = "AskTheFunction"
      actions   = ["lambda:InvokeFunction"]
      resources = [statement.value.arn]
    }
  }

  dynamic "statement" {
    for_each = local.header == null ? [] : local.header.secret[*]

    content {
      sid       = "ReadTheSecretOfTheHeader"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = [statement.value.arn]
    }
  }

  dynamic "statement" {
    for_each = local.header == null ? [] : local.header.parameter[*]

    content {
      sid       = "ReadTheParameterOfTheHeader"
      actions   = ["ssm:GetParameter"]
      resources = [statement.value.arn]
    }
  }

  dynamic "statement" {
    for_each = concat(
      local.existing == null ? [] : local.existing.kms_key[*],
      local.header == null ? [] : local.header.secret == null ? [] : local.header.secret.kms_key[*],
      local.header == null ? [] : local.header.parameter == null ? [] : local.header.parameter.kms_key[*],
    )

    content {
      sid       = "DecryptTheSource"
      actions   = ["kms:Decrypt"]
      resources = [statement.value.arn]
    }
  }
}
