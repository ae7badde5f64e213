data "aws_iam_policy_document" "queue" {
  statement {
    sid       = "QueueSends"
    actions   = ["sqs:SendMessage"]
    resources = [module.queue.queue_arn]
  }
}

data "aws_iam_policy_document" "archive" {
  # Lambda Developer Guide, "Using Lambda with Amazon SQS": permissions of the mapping.
  statement {
    sid       = "TakeMessages"
    actions   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    resources = [module.queue.queue_arn]
  }

  statement {
    sid       = "ParkMessages"
    actions   = ["sqs:SendMessage"]
    resources = [module.queue.dead_letter_queue_arn]
  }

  # Nothing in the archive can be read or deleted by the function.
  statement {
    sid       = "WriteMessages"
    actions   = ["s3:PutObject"]
    resources = ["${module.archive_bucket.bucket_arn}/${local.archive_prefix}*"]
  }

  statement {
    sid       = "WriteIndexFiles"
    actions   = ["s3:PutObject"]
    resources = ["${module.index_bucket.bucket_arn}/${local.index_prefix}*"]
  }
}

# For the operator who lists or deletes the messages of a person.
data "aws_iam_policy_document" "erase" {
  statement {
    sid       = "FindVersions"
    actions   = ["s3:ListBucketVersions"]
    resources = [module.archive_bucket.bucket_arn, module.index_bucket.bucket_arn]
  }

  statement {
    sid       = "FindIndexFiles"
    actions   = ["s3:ListBucket"]
    resources = [module.index_bucket.bucket_arn]
  }

  statement {
    sid       = "SeeWhetherMessagesAreLocked"
    actions   = ["s3:GetBucketObjectLockConfiguration"]
    resources = [module.archive_bucket.bucket_arn]
  }

  # Amazon S3 API reference, "DeleteObjects": it always takes s3:DeleteObject, and for a version
  # s3:DeleteObjectVersion too.
  statement {
    sid       = "DeleteMessages"
    actions   = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObjectRetention"]
    resources = ["${module.archive_bucket.bucket_arn}/${local.archive_prefix}*"]
  }

  statement {
    sid       = "DeleteRows"
    actions   = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObject", "s3:PutObject"]
    resources = ["${module.index_bucket.bucket_arn}/${local.index_prefix}*"]
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
