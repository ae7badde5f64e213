# Campaigns and journeys of one project may call a function: a FILTER hook or a custom channel.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account_id = data.aws_caller_identity.current.account_id
  partition  = data.aws_partition.current.partition
  region     = data.aws_region.current.id
}

# An engagement hub calls with the role of its campaigns.
resource "aws_lambda_permission" "hub" {
  count = var.campaign_role == null ? 0 : 1

  statement_id  = "CampaignsOfTheHub"
  action        = "lambda:InvokeFunction"
  function_name = var.function_name
  principal     = var.campaign_role.arn

  lifecycle {
    precondition {
      condition     = var.pinpoint.api != null
      error_message = "campaign_role must be null for a project that Amazon Pinpoint hosts: Pinpoint calls functions as a service. Leave campaign_role out, or give the pinpoint output of the hub."
    }
  }
}

# Pinpoint developer guide, "Customizing segments using an AWS Lambda function": the principal and the
# ARN of the project's campaigns and journeys.
resource "aws_lambda_permission" "pinpoint" {
  count = var.campaign_role == null ? 1 : 0

  statement_id   = "CampaignsOfThisProject"
  action         = "lambda:InvokeFunction"
  function_name  = var.function_name
  principal      = "pinpoint.${local.region}.amazonaws.com"
  source_account = local.account_id
  source_arn     = "arn:${local.partition}:mobiletargeting:${local.region}:${local.account_id}:apps/${var.pinpoint.project_id}/*"

  lifecycle {
    precondition {
      condition     = var.pinpoint.api == null
      error_message = "campaign_role must be given for a project of an engagement_hub: its campaigns call functions with that role. Set campaign_role = { arn = module.<hub>.campaign_role_arn }."
    }
  }
}

# The same guide writes the ARN of a FILTER hook's caller with a slash before apps, and AWS's example of a
# project's CampaignHook names the project itself, too. The id of a project has 32 characters, so that the
# pattern matches no other project.
resource "aws_lambda_permission" "pinpoint_hook" {
  count = var.campaign_role == null ? 1 : 0

  statement_id   = "HooksOfThisProject"
  action         = "lambda:InvokeFunction"
  function_name  = var.function_name
  principal      = "pinpoint.${local.region}.amazonaws.com"
  source_account = local.account_id
  source_arn     = "arn:${local.partition}:mobiletargeting:${local.region}:${local.account_id}:/apps/${var.pinpoint.project_id}*"
}
