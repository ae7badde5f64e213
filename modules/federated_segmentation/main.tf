# Schedule or operator → one execution per run: query in Athena → copy of its result → import job → topic.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  operations = {
    alarm              = var.alarm
    kms_key            = var.kms_key
    log_retention_days = var.log_retention_days
    tags               = var.tags
  }

  partition  = data.aws_partition.current.partition
  glue_arn   = "arn:${local.partition}:glue:${data.aws_region.current.id}:${data.aws_caller_identity.current.account_id}"
  bucket_arn = module.workgroup.results_bucket_arn

  # Athena's files, and the copies that imports read.
  results_prefix = "results/"
  import_prefix  = "imports/"

  default_database = var.databases[var.default_database == null ? keys(var.databases)[0] : var.default_database].name

  # Name of the handler => function.
  steps = {
    start_query = {
      description     = "Checks the query of a run and starts it."
      timeout_seconds = 120
      memory_mb       = 1769 # a whole vCPU: the parser is Python
      policies        = { query = data.aws_iam_policy_document.start_query.json }
      kms_actions     = ["kms:Decrypt", "kms:GenerateDataKey"] # Athena writes the result
      environment = {
        DATABASE              = local.default_database
        DATABASES             = join(",", [for database in values(var.databases) : database.name])
        QUERY_TIMEOUT_MINUTES = var.timeouts.query_minutes
        WORKGROUP             = module.workgroup.workgroup_name
      }
    }
    read_query = {
      description     = "Reads the state of a query, and stops a query that takes too long."
      timeout_seconds = 60
      memory_mb       = 256
      policies        = { query = data.aws_iam_policy_document.read_query.json }
      kms_actions     = []
      environment     = { QUERY_TIMEOUT_MINUTES = var.timeouts.query_minutes }
    }
    prepare_result = {
      description     = "Copies the result of a query for its import."
      timeout_seconds = 300
      memory_mb       = 256
      policies        = { results = data.aws_iam_policy_document.prepare_result.json }
      kms_actions     = ["kms:Decrypt", "kms:GenerateDataKey"]
      environment     = { IMPORT_PREFIX = local.import_prefix }
    }
    start_import = {
      description     = "Starts the import job of a result."
      timeout_seconds = 60
      memory_mb       = 256
      policies        = merge({ pinpoint = module.start_access.policy_json }, module.import_role.pass_policies)
      kms_actions     = []
      environment = merge(module.start_access.environment, {
        IMPORT_ROLE_ARN        = module.import_role.role_arn
        IMPORT_TIMEOUT_MINUTES = var.timeouts.import_minutes
        PROJECT_ID             = var.pinpoint.project_id
      })
    }
    read_import = {
      description     = "Reads the state of an import job."
      timeout_seconds = 60
      memory_mb       = 256
      policies        = { pinpoint = module.read_access.policy_json }
      kms_actions     = []
      environment = merge(module.read_access.environment, {
        IMPORT_TIMEOUT_MINUTES = var.timeouts.import_minutes
        MAX_FAILURE_RATIO      = var.max_failure_ratio
        PROJECT_ID             = var.pinpoint.project_id
      })
    }
  }
}

module "package" {
  source = "../internal/package"

  name     = var.name
  archives = ["federated_segmentation"]
  packages = var.packages

  operations = local.operations
}

module "workgroup" {
  source = "../internal/athena_workgroup"

  name           = var.name
  description    = "Queries of the runs of ${var.name}."
  athena         = var.athena
  force_destroy  = var.force_destroy
  results_prefix = local.results_prefix
  operations     = local.operations
}

module "step" {
  source   = "../internal/lambda_function"
  for_each = local.steps

  name            = "${var.name}-${replace(each.key, "_", "-")}"
  description     = each.value.description
  handler         = "federated_segmentation.functions.${each.key}.lambda_handler"
  package         = module.package.archives["federated_segmentation"]
  timeout_seconds = each.value.timeout_seconds
  memory_mb       = each.value.memory_mb
  environment     = each.value.environment
  policies        = each.value.policies
  kms_actions     = each.value.kms_actions
  operations      = local.operations
}

module "topic" {
  source = "../internal/topic"

  name          = "${var.name}-notifications"
  subscriptions = var.subscriptions
  operations    = local.operations
}

module "state_machine" {
  source = "../internal/state_machine"

  name = "${var.name}-run"
  definition = templatefile("${path.module}/segmentation.asl.json", merge(
    { for key, function in module.step : "${key}_function_arn" => function.function_arn },
    {
      partition  = local.partition
      project_id = var.pinpoint.project_id
      topic_arn  = module.topic.topic_arn
    },
  ))
  policies   = { steps = data.aws_iam_policy_document.steps.json }
  operations = local.operations
}
