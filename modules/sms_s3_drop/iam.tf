data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

data "aws_iam_policy_document" "start_run" {
  statement {
    sid       = "StartRuns"
    actions   = ["states:StartExecution"]
    resources = [module.state_machine.state_machine_arn]
  }

  statement {
    sid       = "ReadTheQueue"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    resources = [module.queue.queue_arn]
  }
}

data "aws_iam_policy_document" "cut_file" {
  statement {
    sid       = "ReadTheVersionsOfDroppedFiles"
    actions   = ["s3:GetObject", "s3:GetObjectVersion"]
    resources = ["${local.bucket_arn}/${var.prefix}*"]
  }

  # Without these S3 answers 403 for a file, or a version of it, that is gone. GetObject has no
  # s3:prefix, so that a condition on it would take the permission away.
  statement {
    sid       = "SeeThatAFileIsGone"
    actions   = ["s3:ListBucket", "s3:ListBucketVersions"]
    resources = [local.bucket_arn]
  }

  dynamic "statement" {
    for_each = local.bucket_key[*]

    content {
      sid       = "ReadEncryptedFiles"
      actions   = ["kms:Decrypt"]
      resources = [statement.value.arn]
    }
  }

  statement {
    sid       = "WritePiecesAndTheFirstStatus"
    actions   = ["s3:PutObject"]
    resources = ["${module.work_bucket.bucket_arn}/work/*", "${module.work_bucket.bucket_arn}/runs/*"]
  }

  statement {
    sid       = "RegisterRunsWithTheirLanes"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"]
    resources = [aws_dynamodb_table.state.arn]
  }
}

data "aws_iam_policy_document" "enqueue_piece" {
  statement {
    sid       = "EnqueuePermits"
    actions   = ["sqs:SendMessage"]
    resources = [for queue in aws_sqs_queue.permits : queue.arn]
  }
}

data "aws_iam_policy_document" "sender" {
  statement {
    sid     = "SendFromTheseIdentities"
    actions = ["sms-voice:SendTextMessage"]
    # SendTextMessage checks the identity and the configuration set.
    resources = concat(
      [for identity in values(var.origination_identities) : identity.arn],
      [for set in var.configuration_set[*] : "arn:${data.aws_partition.current.partition}:sms-voice:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:configuration-set/${set.name}"],
    )
  }

  statement {
    sid = "ClaimRowsAndTakeTurns"
    actions = [
      "dynamodb:DeleteItem",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:Query",
      "dynamodb:UpdateItem",
    ]
    resources = [aws_dynamodb_table.state.arn]
  }

  statement {
    sid       = "ReadPieces"
    actions   = ["s3:GetObject"]
    resources = ["${module.work_bucket.bucket_arn}/work/*"]
  }

  # Without it S3 answers 403 for a piece that its run has deleted.
  statement {
    sid       = "SeeThatAPieceIsDeleted"
    actions   = ["s3:ListBucket"]
    resources = [module.work_bucket.bucket_arn]
  }

  statement {
    sid       = "WorkOffPermits"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:SendMessage"]
    resources = [for queue in aws_sqs_queue.permits : queue.arn]
  }
}

data "aws_iam_policy_document" "look" {
  statement {
    sid       = "CountRowsAndStopRuns"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"]
    resources = [aws_dynamodb_table.state.arn]
  }

  statement {
    sid       = "WriteTheStatus"
    actions   = ["s3:PutObject"]
    resources = ["${module.work_bucket.bucket_arn}/runs/*"]
  }

  statement {
    sid       = "EnqueuePermitsOfAStalledRun"
    actions   = ["sqs:SendMessage"]
    resources = [for queue in aws_sqs_queue.permits : queue.arn]
  }
}

data "aws_iam_policy_document" "close_run" {
  statement {
    sid       = "ReadOutcomesAndCloseRuns"
    actions   = ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"]
    resources = [aws_dynamodb_table.state.arn]
  }

  statement {
    sid       = "ReadPiecesAndRejectedRows"
    actions   = ["s3:GetObject"]
    resources = ["${module.work_bucket.bucket_arn}/work/*"]
  }

  # GetObject: the answer of a run that is closed is its status.
  statement {
    sid       = "WriteResultsAndStatus"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${module.work_bucket.bucket_arn}/runs/*"]
  }

  statement {
    sid       = "ListRejectedRows"
    actions   = ["s3:ListBucket"]
    resources = [module.work_bucket.bucket_arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["work/*"]
    }
  }
}

data "aws_iam_policy_document" "delete_work" {
  statement {
    sid       = "DeleteEveryVersion"
    actions   = ["s3:DeleteObject", "s3:DeleteObjectVersion"]
    resources = ["${module.work_bucket.bucket_arn}/work/*"]
  }

  statement {
    sid       = "ListEveryVersion"
    actions   = ["s3:ListBucketVersions"]
    resources = [module.work_bucket.bucket_arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["work/*"]
    }
  }
}

data "aws_iam_policy_document" "steps" {
  statement {
    sid       = "RunSteps"
    actions   = ["lambda:InvokeFunction"]
    resources = [for function in module.step : function.function_arn]
  }

  statement {
    sid       = "ReadTheListOfPieces"
    actions   = ["s3:GetObject"]
    resources = ["${module.work_bucket.bucket_arn}/work/*"]
  }

  statement {
    sid       = "Notify"
    actions   = ["sns:Publish"]
    resources = [module.topic.topic_arn]
  }
}

# For a person or program with the command `python -m sms_s3_drop.status`.
data "aws_iam_policy_document" "status" {
  statement {
    sid       = "ReadStatusAndResults"
    actions   = ["s3:GetObject"]
    resources = ["${module.work_bucket.bucket_arn}/runs/*"]
  }

  # Without a condition on s3:prefix, which GetObject does not have: S3 answers 403 for an absent run
  # unless the caller may list the bucket.
  statement {
    sid       = "ListRuns"
    actions   = ["s3:ListBucket"]
    resources = [module.work_bucket.bucket_arn]
  }

  dynamic "statement" {
    for_each = var.kms_key[*]

    content {
      sid       = "ReadEncryptedFiles"
      actions   = ["kms:Decrypt"]
      resources = [statement.value.arn]
    }
  }
}

# For a person or program with the command `python -m sms_s3_drop.status stop`.
data "aws_iam_policy_document" "stop" {
  statement {
    sid       = "StopRuns"
    actions   = ["dynamodb:UpdateItem"]
    resources = [aws_dynamodb_table.state.arn]

    # Items of runs, not of rows or rates.
    condition {
      test     = "ForAllValues:StringLike"
      variable = "dynamodb:LeadingKeys"
      values   = ["run#*"]
    }
  }

  dynamic "statement" {
    for_each = var.kms_key[*]

    content {
      sid       = "UseTheKeyOfTheTable"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value.arn]
    }
  }
}
