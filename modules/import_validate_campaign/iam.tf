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
    sid       = "ReadTheQueue"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    resources = [module.queue[each.key].queue_arn]
  }
}
