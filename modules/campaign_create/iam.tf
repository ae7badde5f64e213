data "aws_partition" "current" {}

module "create_access" {
  source = "../internal/pinpoint_access"

  pinpoint = var.pinpoint
  # Amazon Pinpoint asks for TagResource when something is created with tags; a hub does not.
  operations = concat(["CreateCampaign", "GetCampaigns"], var.pinpoint.api == null ? ["TagResource"] : [])
}

module "read_access" {
  source = "../internal/pinpoint_access"

  pinpoint   = var.pinpoint
  operations = ["GetCampaign", "GetCampaignActivities"]
}

data "aws_iam_policy_document" "steps" {
  statement {
    sid       = "RunSteps"
    actions   = ["lambda:InvokeFunction"]
    resources = [module.create.function_arn, module.read.function_arn]
  }

  statement {
    sid       = "Notify"
    actions   = ["sns:Publish"]
    resources = [module.topic.topic_arn]
  }

  dynamic "statement" {
    for_each = var.kms_key_arn[*]

    content {
      sid       = "NotifyEncrypted"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }
}

