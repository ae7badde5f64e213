data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

module "segment_access" {
  source = "../internal/pinpoint_access"

  pinpoint = var.pinpoint
  # Amazon Pinpoint requires TagResource to create a resource with tags; a hub does not.
  api_operations = concat(["CreateSegment", "GetSegments"], var.pinpoint.api == null ? ["TagResource"] : [])
}

data "aws_iam_policy_document" "start" {
  for_each = local.stages

  statement {
    sid       = "StartTheStage"
    actions   = ["states:StartExecution"]
    resources = [each.value.state_machine_arn]
  }

  statement {
    sid     = "ReadTheQueue"
    actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]

    # Built, because the provider takes 25 s to create a queue, and the function would wait for it.
    resources = ["arn:${data.aws_partition.current.partition}:sqs:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:${var.name}-${each.key}"]
  }

  # Step Functions encrypts an execution's input with the permissions of the caller.
  dynamic "statement" {
    for_each = each.value.kms_key[*]

    content {
      sid       = "UseTheKeyOfTheStage"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value.arn]
    }
  }
}
