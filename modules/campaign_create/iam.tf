data "aws_partition" "current" {}

module "create_access" {
  source = "../internal/pinpoint_access"

  pinpoint = var.pinpoint
  # Amazon Pinpoint requires TagResource to create a resource with tags; a hub does not.
  api_operations = concat(
    ["CreateCampaign", "GetCampaign", "GetCampaignActivities", "GetCampaigns"],
    var.pinpoint.api == null ? ["TagResource"] : [],
  )
}

module "read_access" {
  source = "../internal/pinpoint_access"

  pinpoint       = var.pinpoint
  api_operations = ["GetCampaign", "GetCampaignActivities"]
}

data "aws_iam_policy_document" "created" {
  statement {
    sid       = "KnowTheCampaignsOfRuns"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem"]
    resources = [aws_dynamodb_table.created.arn]
  }
}

data "aws_iam_policy_document" "steps" {
  statement {
    sid       = "RunSteps"
    actions   = ["lambda:InvokeFunction"]
    resources = [for function in module.function : function.function_arn]
  }

  statement {
    sid       = "Notify"
    actions   = ["sns:Publish"]
    resources = [module.topic.topic_arn]
  }
}
