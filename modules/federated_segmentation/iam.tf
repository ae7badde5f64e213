locals {
  # "bucket/prefix/*" of each location.
  locations = distinct(flatten([for database in values(var.databases) : [for location in database.locations : trimprefix(location, "s3://")]]))
  buckets   = distinct([for location in local.locations : split("/", location)[0]])
  keys      = distinct(flatten([for database in values(var.databases) : database.kms_key[*].arn]))
}

# Athena reads tables and writes results with the permissions of the function that starts the query.
data "aws_iam_policy_document" "start_query" {
  #checkov:skip=CKV_AWS_111:GetDataAccess knows no resource; see the comment at its statement.
  #checkov:skip=CKV_AWS_356:GetDataAccess knows no resource; see the comment at its statement.
  statement {
    sid       = "StartQueries"
    actions   = ["athena:StartQueryExecution"]
    resources = [module.workgroup.workgroup_arn]
  }

  # Step Functions Developer Guide, "IAM policies for Amazon Athena": StartQueryExecution also needs
  # GetDataCatalog.
  statement {
    sid       = "FindTheCatalog"
    actions   = ["athena:GetDataCatalog"]
    resources = ["arn:${local.partition}:athena:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}:datacatalog/AwsDataCatalog"]
  }

  statement {
    sid     = "FindTables"
    actions = ["glue:GetDatabase", "glue:GetTable"]
    # Glue also authorises the catalog and the database of a table.
    resources = concat(
      ["${local.glue_arn}:catalog"],
      [for database in values(var.databases) : "${local.glue_arn}:database/${database.name}"],
      [for database in values(var.databases) : "${local.glue_arn}:table/${database.name}/*"],
    )
  }

  statement {
    sid     = "FindPartitions"
    actions = ["glue:BatchGetPartition", "glue:GetPartition", "glue:GetPartitions"]
    resources = concat(
      ["${local.glue_arn}:catalog"],
      [for database in values(var.databases) : "${local.glue_arn}:database/${database.name}"],
      [for database in values(var.databases) : "${local.glue_arn}:table/${database.name}/*"],
    )
  }

  # Athena User Guide, "Configure access to databases and tables in the AWS Glue Data Catalog":
  # Athena looks up the database `default`, whichever database a query reads.
  statement {
    sid       = "FindTheDefaultDatabase"
    actions   = ["glue:GetDatabase"]
    resources = ["${local.glue_arn}:database/default"]
  }

  dynamic "statement" {
    for_each = length(local.locations) == 0 ? [] : ["tables"]

    content {
      sid       = "ReadTables"
      actions   = ["s3:GetObject"]
      resources = [for location in local.locations : "arn:${local.partition}:s3:::${location}*"]
    }
  }

  dynamic "statement" {
    for_each = local.buckets

    content {
      sid       = "ListTables${statement.key}"
      actions   = ["s3:ListBucket"]
      resources = ["arn:${local.partition}:s3:::${statement.value}"]

      condition {
        test     = "StringLike"
        variable = "s3:prefix"
        values   = [for location in local.locations : "${trimprefix(location, "${statement.value}/")}*" if split("/", location)[0] == statement.value]
      }
    }
  }

  statement {
    sid       = "FindTheBuckets"
    actions   = ["s3:GetBucketLocation"]
    resources = concat([local.bucket_arn], [for bucket in local.buckets : "arn:${local.partition}:s3:::${bucket}"])
  }

  dynamic "statement" {
    for_each = length(local.keys) == 0 ? [] : ["keys"]

    content {
      sid       = "DecryptTables"
      actions   = ["kms:Decrypt"]
      resources = local.keys
    }
  }

  # Athena User Guide, "Manage Lake Formation and Athena user permissions": queries read locations that
  # are registered with Lake Formation with its credentials. Its grants, not this action, name tables.
  statement {
    sid     = "ReadTablesThatLakeFormationGoverns"
    actions = ["lakeformation:GetDataAccess"]

    # Service Authorization Reference, "Actions, resources, and condition keys for AWS Lake
    # Formation": the action does not support resource-level permissions.
    resources = ["*"]
  }

  # AWS Managed Policy Reference, AmazonAthenaFullAccess: its statement BaseQueryResultsPermissions has
  # the actions on the location of results.
  statement {
    sid       = "WriteResults"
    actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject"]
    resources = ["${local.bucket_arn}/${local.results_prefix}*"]
  }

  statement {
    sid       = "FindResults"
    actions   = ["s3:ListBucket", "s3:ListBucketMultipartUploads"]
    resources = [local.bucket_arn]
  }
}

data "aws_iam_policy_document" "read_query" {
  statement {
    sid       = "WatchQueries"
    actions   = ["athena:GetQueryExecution"]
    resources = [module.workgroup.workgroup_arn]
  }

  statement {
    sid       = "StopQueriesThatTakeTooLong"
    actions   = ["athena:StopQueryExecution"]
    resources = [module.workgroup.workgroup_arn]
  }
}

data "aws_iam_policy_document" "prepare_result" {
  statement {
    sid       = "ReadResults"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket_arn}/${local.results_prefix}*"]
  }

  statement {
    sid       = "WriteCopies"
    actions   = ["s3:PutObject"]
    resources = ["${local.bucket_arn}/${local.import_prefix}*"]
  }
}

module "start_access" {
  source = "../internal/pinpoint_access"

  pinpoint       = var.pinpoint
  api_operations = ["CreateImportJob", "GetImportJobs"]
}

module "read_access" {
  source = "../internal/pinpoint_access"

  pinpoint       = var.pinpoint
  api_operations = ["GetImportJob"]
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

# The importing service reads the copies with this role, not with its own permissions.
module "import_role" {
  source = "../internal/data_role"

  name        = "${var.name}-import"
  description = "Lets the project's import jobs read the results of queries."
  pinpoint    = var.pinpoint
  policy_json = data.aws_iam_policy_document.import.json
  operations  = local.operations
}

data "aws_iam_policy_document" "import" {
  statement {
    sid       = "ReadCopies"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket_arn}/${local.import_prefix}*"]
  }

  statement {
    sid       = "ListCopies"
    actions   = ["s3:ListBucket"]
    resources = [local.bucket_arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["${local.import_prefix}*"]
    }
  }

  statement {
    sid       = "FindTheBucket"
    actions   = ["s3:GetBucketLocation"]
    resources = [local.bucket_arn]
  }

  dynamic "statement" {
    for_each = var.kms_key[*]

    content {
      sid       = "DecryptCopies"
      actions   = ["kms:Decrypt"]
      resources = [statement.value.arn]
    }
  }
}
