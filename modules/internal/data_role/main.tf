data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account_id  = data.aws_caller_identity.current.account_id
  partition   = data.aws_partition.current.partition
  project_arn = "arn:${local.partition}:mobiletargeting:${data.aws_region.current.id}:${local.account_id}:apps/${var.pinpoint.project_id}"
}

# The project's host, a hub or Amazon Pinpoint, accesses the data with this role, not with its own
# permissions.
resource "aws_iam_role" "this" {
  name               = var.name
  path               = "/engagement-hub/" # a hub assumes roles under this path only
  description        = var.description
  assume_role_policy = data.aws_iam_policy_document.trust.json

  tags = var.operations.tags
}

data "aws_iam_policy_document" "trust" {
  # The functions of an engagement hub may assume the role, for this project only.
  dynamic "statement" {
    for_each = var.pinpoint.api == null ? [] : ["hub"]

    content {
      sid     = "HubWorksForThisProject"
      actions = ["sts:AssumeRole"]

      principals {
        type        = "AWS"
        identifiers = ["arn:${local.partition}:iam::${local.account_id}:root"]
      }

      condition {
        test     = "StringEquals"
        variable = "sts:ExternalId"
        values   = [var.pinpoint.project_id]
      }

      # The external id is no secret; the functions of hubs have roles under this path.
      condition {
        test     = "ArnLike"
        variable = "aws:PrincipalArn"
        values   = ["arn:${local.partition}:iam::${local.account_id}:role/engagement-hub-functions/*"]
      }
    }
  }

  dynamic "statement" {
    for_each = var.pinpoint.api == null ? ["pinpoint"] : []

    content {
      sid     = "PinpointWorksForThisProject"
      actions = ["sts:AssumeRole"]

      principals {
        type        = "Service"
        identifiers = ["pinpoint.amazonaws.com"]
      }

      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [local.account_id]
      }

      condition {
        test     = "ArnLike"
        variable = "aws:SourceArn"
        values   = [local.project_arn, "${local.project_arn}/*"] # not …*, which other ids begin with too
      }
    }
  }
}

resource "aws_iam_role_policy" "this" {
  name   = "data"
  role   = aws_iam_role.this.id
  policy = var.policy_json
}

data "aws_iam_policy_document" "pass" {
  statement {
    sid       = "HandTheRoleToPinpoint"
    actions   = ["iam:PassRole"]
    resources = [aws_iam_role.this.arn]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["pinpoint.amazonaws.com"]
    }
  }
}
