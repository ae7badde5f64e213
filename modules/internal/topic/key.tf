data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

# Key of a topic that services publish to: SNS Developer Guide, "Enable compatibility between event
# sources from AWS services and encrypted topics".
data "aws_iam_policy_document" "key" {
  count = local.needs_own_key ? 1 : 0

  #checkov:skip=CKV_AWS_109:In a key policy "*" is this key, and the account's root is how its administrators reach it.
  #checkov:skip=CKV_AWS_111:In a key policy "*" is this key.
  #checkov:skip=CKV_AWS_356:In a key policy "*" is this key.
  statement {
    sid       = "AccountManagesTheKey"
    actions   = ["kms:*"]
    resources = ["*"] # KMS Developer Guide, "Key policies": it is the key that the policy belongs to.

    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root"]
    }
  }

  # As in the key policy of alias/aws/sns: a principal of this account that may publish to the topic
  # needs no KMS permission of its own.
  statement {
    sid       = "AccountPublishesThroughSns"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:CallerAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["sns.${data.aws_region.current.id}.amazonaws.com"]
    }
  }

  # The policy of the topic decides which source may publish.
  statement {
    sid       = "ServicesPublishForThisAccount"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = distinct([for publisher in values(var.service_publishers) : publisher.service])
    }

    # CloudWatch sends aws:SourceAccount to KMS; SES and End User Messaging SMS document it for their
    # publishing. EventBridge does not send it (same page), so the block accepts no such publisher.
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

resource "aws_kms_key" "this" {
  count = local.needs_own_key ? 1 : 0

  description             = "Messages in the SNS topic ${var.name}."
  enable_key_rotation     = true
  deletion_window_in_days = 7
  policy                  = data.aws_iam_policy_document.key[0].json

  tags = var.operations.tags
}
