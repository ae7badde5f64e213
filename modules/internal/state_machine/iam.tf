data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "StepFunctionsRunsTheStateMachine"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["states.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      # The ARN of a child execution of a Distributed Map has a label after the name.
      values = [local.arn, "${local.arn}/*"]
    }
  }
}

resource "aws_iam_role" "this" {
  name               = "${var.name}-states"
  description        = "Execution role of the state machine ${var.name}."
  assume_role_policy = data.aws_iam_policy_document.trust.json

  tags = var.operations.tags
}

data "aws_iam_policy_document" "logs_and_traces" {
  #checkov:skip=CKV_AWS_111:Log delivery and X-Ray know no resource; see the comments at the statements.
  #checkov:skip=CKV_AWS_356:Log delivery and X-Ray know no resource; see the comments at the statements.
  statement {
    sid = "DeliverLogs"
    actions = [
      "logs:CreateLogDelivery",
      "logs:DeleteLogDelivery",
      "logs:DescribeLogGroups",
      "logs:DescribeResourcePolicies",
      "logs:GetLogDelivery",
      "logs:ListLogDeliveries",
      "logs:PutResourcePolicy",
      "logs:UpdateLogDelivery",
    ]

    # Step Functions Developer Guide, "Using CloudWatch Logs to log execution history":
    # the log delivery actions of CloudWatch Logs support no resource types.
    resources = ["*"]
  }

  statement {
    sid = "WriteTraces"
    actions = [
      "xray:GetSamplingRules",
      "xray:GetSamplingTargets",
      "xray:PutTelemetryRecords",
      "xray:PutTraceSegments",
    ]

    # Service Authorization Reference, "Actions, resources, and condition keys for AWS X-Ray":
    # these actions do not support resource-level permissions.
    resources = ["*"]
  }

  # The key encrypts the data of executions, and topics that the state machine publishes to.
  dynamic "statement" {
    for_each = var.operations.kms_key[*]

    content {
      sid       = "UseTheKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value.arn]
    }
  }
}

resource "aws_iam_role_policy" "logs_and_traces" {
  name   = "logs-and-traces"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.logs_and_traces.json
}

# Step Functions Developer Guide, "IAM policies for using Distributed Map states".
data "aws_iam_policy_document" "distributed_map" {
  count = var.distributed_map == null ? 0 : 1

  statement {
    sid       = "StartChildExecutions"
    actions   = ["states:StartExecution"]
    resources = [local.arn]
  }

  statement {
    sid     = "WatchChildExecutions"
    actions = ["states:DescribeExecution", "states:StopExecution"]
    resources = [
      "${local.arn_prefix}:execution:${var.name}:*",
      "${local.arn_prefix}:execution:${var.name}/*",
    ]
  }

  statement {
    sid       = "RedriveChildExecutions"
    actions   = ["states:RedriveExecution"]
    resources = ["${local.arn_prefix}:execution:${var.name}/*"]
  }

  # Step Functions Developer Guide, "ResultWriter": the actions of exporting map results.
  statement {
    sid = "WriteMapResults"
    actions = [
      "s3:AbortMultipartUpload",
      "s3:GetObject",
      "s3:ListMultipartUploadParts",
      "s3:PutObject",
    ]
    resources = [var.distributed_map.results_arn]
  }
}

resource "aws_iam_role_policy" "distributed_map" {
  count = var.distributed_map == null ? 0 : 1

  name   = "distributed-map"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.distributed_map[0].json
}

resource "aws_iam_role_policy" "given" {
  for_each = var.policies

  name   = each.key
  role   = aws_iam_role.this.id
  policy = each.value
}
