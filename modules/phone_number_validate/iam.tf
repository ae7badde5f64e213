data "aws_partition" "current" {}

module "export_access" {
  source = "../internal/pinpoint_access"

  pinpoint       = var.pinpoint
  api_operations = ["CreateExportJob", "GetSegmentExportJobs"]
}

module "read_export_access" {
  source = "../internal/pinpoint_access"

  pinpoint       = var.pinpoint
  api_operations = ["GetExportJob"]
}

module "endpoint_access" {
  source = "../internal/pinpoint_access"

  pinpoint       = var.pinpoint
  api_operations = ["UpdateEndpointsBatch"]
}

# AWS validates numbers, also for the project of a hub.
module "number_access" {
  source = "../internal/pinpoint_access"

  pinpoint       = { project_id = var.pinpoint.project_id }
  api_operations = ["PhoneNumberValidate"]
}

data "aws_iam_policy_document" "list_numbers" {
  statement {
    sid       = "ReadExports"
    actions   = ["s3:GetObject"]
    resources = ["${module.bucket.bucket_arn}/exports/*"]
  }

  statement {
    sid       = "ListExports"
    actions   = ["s3:ListBucket"]
    resources = [module.bucket.bucket_arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["exports/*"]
    }
  }

  # A second round reads the list of the first round.
  statement {
    sid       = "WriteAndCompareLists"
    actions   = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"]
    resources = ["${module.bucket.bucket_arn}/work/*"]
  }
}

data "aws_iam_policy_document" "validate_batch" {
  statement {
    sid = "KeepVerdictsAndTheRate"
    actions = [
      "dynamodb:BatchGetItem",
      "dynamodb:BatchWriteItem",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:UpdateItem",
    ]
    resources = [aws_dynamodb_table.verdict.arn]
  }

  statement {
    sid       = "WriteResults"
    actions   = ["s3:PutObject"]
    resources = ["${module.bucket.bucket_arn}/work/*"]
  }
}

data "aws_iam_policy_document" "add_up" {
  statement {
    sid       = "ReadResults"
    actions   = ["s3:GetObject"]
    resources = ["${module.bucket.bucket_arn}/work/*"]
  }

  statement {
    sid       = "WriteReports"
    actions   = ["s3:PutObject", "s3:AbortMultipartUpload"]
    resources = ["${module.bucket.bucket_arn}/reports/*"]
  }

  statement {
    sid       = "ListResults"
    actions   = ["s3:ListBucket"]
    resources = [module.bucket.bucket_arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["work/*"]
    }
  }
}

data "aws_iam_policy_document" "delete_files" {
  statement {
    sid     = "DeleteEveryVersion"
    actions = ["s3:DeleteObject", "s3:DeleteObjectVersion"]
    resources = [
      "${module.bucket.bucket_arn}/exports/*",
      "${module.bucket.bucket_arn}/work/*",
    ]
  }

  statement {
    sid       = "ListEveryVersion"
    actions   = ["s3:ListBucketVersions"]
    resources = [module.bucket.bucket_arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["exports/*", "work/*"]
    }
  }
}

data "aws_iam_policy_document" "steps" {
  statement {
    sid       = "RunSteps"
    actions   = ["lambda:InvokeFunction"]
    resources = [for function in module.function : function.function_arn]
  }

  statement {
    sid       = "ReadTheListOfNumbers"
    actions   = ["s3:GetObject"]
    resources = ["${module.bucket.bucket_arn}/work/*"]
  }

  statement {
    sid       = "Notify"
    actions   = ["sns:Publish"]
    resources = [module.topic.topic_arn]
  }
}

# The exporting service writes with this role, not with its own permissions.
module "export_role" {
  source = "../internal/data_role"

  name        = "${var.name}-export"
  description = "Lets the project's export jobs write to the working bucket."
  pinpoint    = var.pinpoint
  policy_json = data.aws_iam_policy_document.export.json
  operations  = local.operations
}

data "aws_iam_policy_document" "export" {
  statement {
    sid       = "WriteExports"
    actions   = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
    resources = ["${module.bucket.bucket_arn}/exports/*"]
  }

  statement {
    sid       = "ListExports"
    actions   = ["s3:ListBucket"]
    resources = [module.bucket.bucket_arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["exports/*"]
    }
  }

  statement {
    sid       = "FindTheBucket"
    actions   = ["s3:GetBucketLocation"]
    resources = [module.bucket.bucket_arn]
  }

  dynamic "statement" {
    for_each = var.kms_key[*]

    content {
      sid       = "UseTheKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value.arn]
    }
  }
}
