# Tables of feedback about addresses, and the permissions and settings of a function that acts on
# the feedback.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  address_table = var.address_table == null ? {
    name    = aws_dynamodb_table.address[0].name
    arn     = aws_dynamodb_table.address[0].arn
    kms_key = var.operations.kms_key
  } : var.address_table

  # The feedback table is always encrypted with this module's key.
  kms_key_arn  = one(var.operations.kms_key[*].arn)
  kms_key_arns = distinct(concat(var.operations.kms_key[*].arn, local.address_table.kms_key[*].arn))

  event_bus_arn = "arn:${data.aws_partition.current.partition}:events:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:event-bus/${var.event_bus_name}"

  environment = {
    ADDRESS_TABLE                 = local.address_table.name
    EVENT_BUS_NAME                = var.event_bus_name
    EVENT_SOURCE                  = var.event_source
    FEEDBACK_TABLE                = aws_dynamodb_table.feedback.name
    TRANSIENT_BOUNCES_LIMIT       = tostring(var.transient_bounces.limit)
    TRANSIENT_BOUNCES_WINDOW_DAYS = tostring(var.transient_bounces.window_days)
  }
}

resource "aws_dynamodb_table" "address" {
  count = var.address_table == null ? 1 : 0

  #checkov:skip=CKV_AWS_119:DynamoDB encrypts with an AWS managed key; a customer managed one is used when kms_key is given.
  name         = "${var.name}-addresses"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "address"

  attribute {
    name = "address"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = local.kms_key_arn
  }

  tags = var.operations.tags
}

# Feedback that was recorded before, so that a copy of it does not count.
resource "aws_dynamodb_table" "feedback" {
  #checkov:skip=CKV_AWS_28:What is lost makes a copy count once more; the addresses are in the other table.
  #checkov:skip=CKV_AWS_119:DynamoDB encrypts with an AWS managed key; a customer managed one is used when kms_key is given.
  name         = "${var.name}-feedback"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "feedback_id"
  range_key    = "address"

  attribute {
    name = "feedback_id"
    type = "S"
  }

  attribute {
    name = "address"
    type = "S"
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = local.kms_key_arn
  }

  tags = var.operations.tags
}
