data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "LambdaRunsTheFunction"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "this" {
  name               = "${var.name}-lambda"
  path               = var.role_path
  description        = "Execution role of the function ${var.name}."
  assume_role_policy = data.aws_iam_policy_document.trust.json

  tags = var.operations.tags
}

data "aws_iam_policy_document" "logs_and_traces" {
  #checkov:skip=CKV_AWS_111:The two X-Ray actions know no resource; see the comment at the statement.
  #checkov:skip=CKV_AWS_356:The two X-Ray actions know no resource; see the comment at the statement.
  statement {
    sid       = "WriteOwnLogs"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
  }

  statement {
    sid     = "WriteTraces"
    actions = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]

    # Service Authorization Reference, "Actions, resources, and condition keys for AWS X-Ray":
    # neither action supports resource-level permissions.
    resources = ["*"]
  }

  dynamic "statement" {
    for_each = length(local.kms_actions) == 0 ? [] : var.operations.kms_key[*].arn

    content {
      sid       = "UseTheKey"
      actions   = local.kms_actions
      resources = [statement.value]
    }
  }
}

resource "aws_iam_role_policy" "logs_and_traces" {
  name   = "logs-and-traces"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.logs_and_traces.json
}

data "aws_iam_policy_document" "on_failure" {
  count = var.on_failure == null ? 0 : 1

  statement {
    sid       = "KeepFailedEvents"
    actions   = ["sqs:SendMessage"]
    resources = [var.on_failure.queue_arn]
  }

  dynamic "statement" {
    for_each = var.operations.kms_key[*]

    content {
      sid       = "EncryptFailedEvents"
      actions   = ["kms:GenerateDataKey", "kms:Decrypt"]
      resources = [statement.value.arn]
    }
  }
}

resource "aws_iam_role_policy" "on_failure" {
  count = var.on_failure == null ? 0 : 1

  name   = "on-failure"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.on_failure[0].json
}

resource "aws_iam_role_policy" "given" {
  for_each = var.policies

  name   = each.key
  role   = aws_iam_role.this.id
  policy = each.value
}

# A role takes 10,240 characters of inline policies, and each managed policy 6,144 of its own: "IAM and
# STS quotas". A policy that grows with the caller's lists is a managed one.
resource "aws_iam_policy" "managed" {
  for_each = var.managed_policies

  name        = "${var.name}-${each.key}"
  path        = var.role_path
  description = "Permissions of the function ${var.name}."
  policy      = each.value

  tags = var.operations.tags
}

resource "aws_iam_role_policy_attachment" "managed" {
  for_each = var.managed_policies

  role       = aws_iam_role.this.name
  policy_arn = aws_iam_policy.managed[each.key].arn
}
