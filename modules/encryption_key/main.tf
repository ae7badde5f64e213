# One customer managed KMS key for the `kms_key` input of every module.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  region     = data.aws_region.current.id
}

resource "aws_kms_key" "this" {
  description             = "Data at rest of ${var.name}."
  enable_key_rotation     = true
  deletion_window_in_days = var.deletion_window_days

  # Inline, so that no service meets the key before its policy.
  policy = data.aws_iam_policy_document.this.json

  tags = var.tags
}

resource "aws_kms_alias" "this" {
  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.this.key_id
}
