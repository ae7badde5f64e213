data "aws_partition" "current" {}

locals {
  read_operations = [
    "GetEmailTemplate",
    "GetJourney",
    "GetPushTemplate",
    "GetSegment",
    "GetSegmentVersion",
    "GetSmsTemplate",
  ]
  write_operations = concat(
    [
      "CreateEmailTemplate",
      "CreateJourney",
      "CreatePushTemplate",
      "CreateSegment",
      "CreateSmsTemplate",
      "GetEmailTemplate",
      "GetJourney",
      "GetPushTemplate",
      "GetSegment",
      "GetSegments",
      "GetSmsTemplate",
      "ListJourneys",
      "ListTemplateVersions",
      "UpdateEmailTemplate",
      "UpdateJourney",
      "UpdatePushTemplate",
      "UpdateSegment",
      "UpdateSmsTemplate",
      "UpdateTemplateActiveVersion",
    ],
    # Amazon Pinpoint requires TagResource to create a resource with tags; a hub does not.
    var.to.pinpoint.api == null ? ["TagResource"] : [],
  )
  deletes_copies    = var.copy_on_apply == null ? false : var.copy_on_apply.delete_copies_on_destroy
  delete_operations = ["DeleteJourney", "GetJourney"]
}

module "list_access" {
  source = "../internal/pinpoint_access"

  pinpoint       = var.from.pinpoint
  location       = local.from
  api_operations = ["ListJourneys"]
}

module "read_access" {
  source = "../internal/pinpoint_access"

  pinpoint       = var.from.pinpoint
  location       = local.from
  api_operations = local.read_operations
}

module "write_access" {
  source = "../internal/pinpoint_access"

  pinpoint       = var.to.pinpoint
  location       = local.to
  api_operations = local.write_operations
}

module "delete_access" {
  source = "../internal/pinpoint_access"

  pinpoint       = var.to.pinpoint
  location       = local.to
  api_operations = local.delete_operations
}

# For the roles of other accounts, which do all of their side's work.
module "from_role_access" {
  source = "../internal/pinpoint_access"

  pinpoint       = var.from.pinpoint
  location       = local.from
  api_operations = concat(["ListJourneys"], local.read_operations)
}

module "to_role_access" {
  source = "../internal/pinpoint_access"

  pinpoint       = var.to.pinpoint
  location       = local.to
  api_operations = concat(["DeleteJourney"], local.write_operations)
}

data "aws_iam_policy_document" "take_from_role" {
  dynamic "statement" {
    for_each = var.from.role[*].arn

    content {
      sid       = "TakeTheRoleOfTheSource"
      actions   = ["sts:AssumeRole"]
      resources = [statement.value]
    }
  }
}

data "aws_iam_policy_document" "take_to_role" {
  dynamic "statement" {
    for_each = var.to.role[*].arn

    content {
      sid       = "TakeTheRoleOfTheTarget"
      actions   = ["sts:AssumeRole"]
      resources = [statement.value]
    }
  }
}

data "aws_iam_policy_document" "copy_records" {
  statement {
    sid       = "KnowTheCopies"
    actions   = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem"]
    resources = [aws_dynamodb_table.mapping.arn]
  }

  statement {
    sid       = "ReadSubstitutes"
    actions   = ["s3:GetObject"]
    resources = ["${module.bucket.bucket_arn}/settings/*"]
  }

  statement {
    sid       = "WriteEntriesOfJourneys"
    actions   = ["s3:PutObject"]
    resources = ["${module.bucket.bucket_arn}/runs/*"]
  }
}

data "aws_iam_policy_document" "report_records" {
  statement {
    sid       = "ReadEntriesOfJourneys"
    actions   = ["s3:GetObject"]
    resources = ["${module.bucket.bucket_arn}/runs/*"]
  }

  # S3 answers GetObject for an absent key with 404 only where the caller may list the bucket
  # (Amazon S3 API Reference, "GetObject"). A condition on the prefix would keep the 403.
  statement {
    sid       = "SeeThatAnEntryIsAbsent"
    actions   = ["s3:ListBucket"]
    resources = [module.bucket.bucket_arn]
  }

  statement {
    sid       = "WriteReports"
    actions   = ["s3:PutObject"]
    resources = ["${module.bucket.bucket_arn}/reports/*"]
  }
}

data "aws_iam_policy_document" "apply" {
  statement {
    sid       = "StartCopies"
    actions   = ["states:StartExecution"]
    resources = [module.state_machine.state_machine_arn]
  }

  statement {
    sid       = "WaitForCopies"
    actions   = ["states:DescribeExecution"]
    resources = ["${replace(module.state_machine.state_machine_arn, ":stateMachine:", ":execution:")}:*"]
  }

  dynamic "statement" {
    for_each = local.deletes_copies ? [aws_dynamodb_table.mapping.arn] : []

    content {
      sid       = "FindCopiesToDelete"
      actions   = ["dynamodb:DeleteItem", "dynamodb:Query"]
      resources = [statement.value]
    }
  }

  source_policy_documents = !local.deletes_copies ? [] : [
    var.to.role == null ? module.delete_access.policy_json : data.aws_iam_policy_document.take_to_role.json
  ]
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
