# Campaign → function → content of the store: each recipient gets subject, HTML and text as attributes.

data "aws_partition" "current" {}

locals {
  operations = {
    alarm              = var.alarm
    kms_key            = var.kms_key
    log_retention_days = var.log_retention_days
    tags               = var.tags
  }

  header = var.store.cms == null ? null : var.store.cms.header

  from_bucket = var.store.cms == null && var.store.function == null
  own_bucket  = local.from_bucket && var.store.bucket == null

  bucket     = local.own_bucket ? module.bucket[0].bucket_name : one(var.store.bucket[*].name)
  bucket_arn = local.from_bucket ? "arn:${data.aws_partition.current.partition}:s3:::${local.bucket}" : null
  bucket_key = local.own_bucket ? var.kms_key : one(var.store.bucket[*].kms_key)

  campaign_hook = { LambdaFunctionName = module.hook.function_arn, Mode = "FILTER" }

  source = merge(
    local.from_bucket ? { bucket = local.bucket, prefix = var.store.prefix } : {},
    local.from_bucket ? { versions = var.store.versions } : {},
    var.store.cms == null ? {} : {
      url           = var.store.cms.url
      header        = local.header == null ? null : local.header.name
      secret_arn    = local.header == null ? null : one(local.header.secret[*].arn)
      parameter_arn = local.header == null ? null : one(local.header.parameter[*].arn)
    },
    var.store.function == null ? {} : { function_arn = var.store.function.arn },
  )
}

module "package" {
  source = "../internal/package"

  name     = var.name
  archives = concat(["campaign_templates"], var.project_hook == null ? [] : ["pinpoint_resources"])
  packages = var.packages

  operations = local.operations
}

module "bucket" {
  source = "../internal/bucket"
  count  = local.own_bucket ? 1 : 0

  name          = "${var.name}-contents"
  eventbridge   = var.publish != null
  force_destroy = var.force_destroy
  version_days  = null # store.versions can name any of them
  operations    = local.operations
}

module "hook" {
  source = "../internal/lambda_function"

  name        = var.name
  description = "Gives the recipients of a campaign their subject and HTML."
  handler     = "campaign_templates.functions.fill.lambda_handler"
  package     = module.package.archives["campaign_templates"]
  # A campaign waits 15 seconds. A whole CPU renders and sanitises 50 contents of 80 KB in 3 seconds.
  timeout_seconds = 15
  memory_mb       = 1769
  environment = {
    CACHE_SECONDS    = var.content_cache.seconds
    DEADLINE_SECONDS = var.deadline_seconds
    PROJECT_ID       = var.pinpoint.project_id
    SETTINGS = jsonencode({
      allowed          = var.allowed
      default_content  = var.default_content
      default_template = var.default_template
      failure_policy   = var.failure_policy
      limits           = var.limits
      locale_from      = var.locale_from
      rules            = var.template_rules
    })
    SOURCE        = jsonencode(local.source)
    STALE_SECONDS = var.content_cache.stale_seconds
  }
  policies    = { for number, document in data.aws_iam_policy_document.contents : "contents" => document.json }
  kms_actions = ["kms:Decrypt"] # contents of the module's bucket
  operations  = local.operations
}

module "campaign_permission" {
  source = "../internal/campaign_permission"

  campaign_role = var.campaign_role
  function_name = module.hook.function_name
  pinpoint      = var.pinpoint
}

module "project_hook" {
  source = "../pinpoint_resources"
  count  = var.project_hook == null ? 0 : 1

  name     = var.name
  packages = module.package.packages["pinpoint_resources"]
  pinpoint = var.pinpoint

  application_settings = {
    properties = jsonencode({ CampaignHook = local.campaign_hook })
  }

  alarm              = var.alarm
  kms_key            = var.kms_key
  log_retention_days = var.log_retention_days
  tags               = var.tags

  # No campaign may call the function before it is permitted.
  depends_on = [module.campaign_permission]
}
