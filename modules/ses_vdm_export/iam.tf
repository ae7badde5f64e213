data "aws_iam_policy_document" "start" {
  #checkov:skip=CKV_AWS_111:CreateExportJob knows no resource; see the comment at the statement.
  #checkov:skip=CKV_AWS_356:CreateExportJob knows no resource; see the comment at the statement.
  statement {
    sid       = "ClaimMonths"
    actions   = ["dynamodb:PutItem", "dynamodb:UpdateItem"]
    resources = [aws_dynamodb_table.claims.arn]
  }

  statement {
    sid       = "SeeWhetherAnotherRunIsAtIt"
    actions   = ["states:DescribeExecution"]
    resources = [local.executions_arn]
  }

  statement {
    sid     = "StartExports"
    actions = ["ses:CreateExportJob"]

    # Service Authorization Reference, "Actions, resources, and condition keys for Amazon Simple
    # Email Service v2": the action supports no resource types.
    resources = ["*"]
  }

  statement {
    sid       = "SeeWhetherAnEarlierExportGoesOn"
    actions   = ["ses:GetExportJob"]
    resources = [local.export_jobs_arn]
  }
}

data "aws_iam_policy_document" "collect" {
  statement {
    sid       = "LookAtExports"
    actions   = ["ses:GetExportJob"]
    resources = [local.export_jobs_arn]
  }

  statement {
    sid       = "KeepReports"
    actions   = ["s3:AbortMultipartUpload", "s3:PutObject"]
    resources = ["${local.bucket_arn}/${var.prefix}*"]
  }

  statement {
    sid       = "RecordReports"
    actions   = ["dynamodb:UpdateItem"]
    resources = [aws_dynamodb_table.claims.arn]
  }

  dynamic "statement" {
    for_each = local.bucket_key[*]

    content {
      # S3 reads back the parts of an upload under a key (kms:Decrypt).
      sid       = "EncryptReports"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value.arn]
    }
  }
}

locals {
  # SES assigns the ids.
  export_jobs_arn = "arn:${local.partition}:ses:${local.region}:${local.account_id}:export-job/*"
}

data "aws_iam_policy_document" "steps" {
  statement {
    sid       = "RunSteps"
    actions   = ["lambda:InvokeFunction"]
    resources = [for function in module.step : function.function_arn]
  }

  statement {
    sid       = "Notify"
    actions   = ["sns:Publish"]
    resources = [module.topic.topic_arn]
  }
}

module "schedule_role" {
  source = "../internal/schedule_role"

  name                  = "${var.name}-schedule"
  description           = "Starts the scheduled exports of ${var.name}."
  target                = { action = "states:StartExecution", arn = module.state_machine.state_machine_arn }
  dead_letter_queue_arn = module.undelivered.queue_arn
  operations            = local.operations
}
