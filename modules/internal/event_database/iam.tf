data "aws_iam_policy_document" "transform" {
  statement {
    sid       = "KeepPartsThatCannotBeRead"
    actions   = ["s3:PutObject"]
    resources = ["${module.events_bucket.bucket_arn}/${local.errors_prefix}unreadable/*"]
  }
}

data "aws_iam_policy_document" "replay" {
  statement {
    sid       = "TakeWhatFailed"
    actions   = ["s3:GetObject", "s3:DeleteObject"]
    resources = ["${module.events_bucket.bucket_arn}/${local.errors_prefix}*"]
  }

  statement {
    sid       = "FindWhatFailed"
    actions   = ["s3:ListBucket"]
    resources = [module.events_bucket.bucket_arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["${local.errors_prefix}*"]
    }
  }

  statement {
    sid       = "SendItAgain"
    actions   = ["firehose:PutRecordBatch"]
    resources = [aws_kinesis_firehose_delivery_stream.this["direct"].arn]
  }
}

# Role of Firehose: it invokes the function, writes files and reads the table's columns.
data "aws_iam_policy_document" "firehose_trust" {
  statement {
    sid     = "FirehoseDeliversForThisAccount"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["firehose.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }
  }
}

resource "aws_iam_role" "firehose" {
  name               = "${var.name}-firehose"
  description        = "Lets Firehose write the events of ${var.name} to files."
  assume_role_policy = data.aws_iam_policy_document.firehose_trust.json

  tags = var.operations.tags
}

data "aws_iam_policy_document" "firehose" {
  statement {
    sid     = "WriteFiles"
    actions = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
    resources = [
      "${module.events_bucket.bucket_arn}/${local.events_prefix}*",
      "${module.events_bucket.bucket_arn}/${local.errors_prefix}*",
    ]
  }

  statement {
    sid       = "FindTheBucket"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
    resources = [module.events_bucket.bucket_arn]
  }

  statement {
    sid     = "TransformRecords"
    actions = ["lambda:InvokeFunction", "lambda:GetFunctionConfiguration"]
    # The resource of the request depends on the caller's name for the function.
    resources = [module.transform_function.function_arn, "${module.transform_function.function_arn}:$LATEST"]
  }

  statement {
    sid     = "ReadTheColumns"
    actions = ["glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions"]
    # Glue also authorises the catalog and the database of a table.
    resources = [
      "arn:${local.partition}:glue:${local.region}:${local.account_id}:catalog",
      aws_glue_catalog_database.this.arn,
      aws_glue_catalog_table.events.arn,
    ]
  }

  statement {
    sid       = "LogFailedDeliveries"
    actions   = ["logs:PutLogEvents"]
    resources = [for stream in aws_cloudwatch_log_stream.delivery : stream.arn]
  }

  dynamic "statement" {
    for_each = var.operations.kms_key[*]

    content {
      sid       = "UseTheKey"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value.arn]
    }
  }
}

resource "aws_iam_role_policy" "firehose" {
  name   = "delivery"
  role   = aws_iam_role.firehose.id
  policy = data.aws_iam_policy_document.firehose.json
}

data "aws_iam_policy_document" "event_stream" {
  count = var.event_stream == null ? 0 : 1

  statement {
    sid       = "ReadTheEventStream"
    actions   = ["kinesis:DescribeStream", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"]
    resources = [var.event_stream.stream_arn]
  }

  dynamic "statement" {
    for_each = var.event_stream.kms_key[*]

    content {
      sid       = "DecryptTheEventStream"
      actions   = ["kms:Decrypt"]
      resources = [statement.value.arn]
    }
  }
}

resource "aws_iam_role_policy" "event_stream" {
  count = var.event_stream == null ? 0 : 1

  name   = "event-stream"
  role   = aws_iam_role.firehose.id
  policy = data.aws_iam_policy_document.event_stream[0].json
}

# Roles of services that publish events, each for its own configuration sets.
data "aws_iam_policy_document" "publisher_trust" {
  for_each = var.publishers

  statement {
    sid     = "ServicePublishesForTheseSources"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [each.value.service]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account_id]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = each.value.source_arns
    }
  }
}

resource "aws_iam_role" "publisher" {
  for_each = var.publishers

  name               = "${var.name}-${each.key}-events"
  description        = "Lets ${each.value.service} write events to ${var.name}."
  assume_role_policy = data.aws_iam_policy_document.publisher_trust[each.key].json

  tags = var.operations.tags
}

data "aws_iam_policy_document" "publisher" {
  statement {
    sid       = "WriteEvents"
    actions   = ["firehose:PutRecord", "firehose:PutRecordBatch"] # End User Messaging SMS uses PutRecord, SES PutRecordBatch
    resources = [aws_kinesis_firehose_delivery_stream.this["direct"].arn]
  }
}

resource "aws_iam_role_policy" "publisher" {
  for_each = var.publishers

  name   = "events"
  role   = aws_iam_role.publisher[each.key].id
  policy = data.aws_iam_policy_document.publisher.json
}
