locals {
  # Type => the Pinpoint operations that managing it takes. A test holds it against the function.
  operations_of = jsondecode(file("${path.module}/types.json"))
  operations    = distinct(flatten([for resource in values(var.resources) : lookup(local.operations_of, resource.type, [])]))

  properties = { for key, resource in var.resources : key => jsondecode(resource.properties) }

  # Says which wish an answer belongs to; see the output `results`.
  revisions = { for key, resource in var.resources : key => sha256(jsonencode([var.pinpoint, resource])) }
}

module "access" {
  count  = length(local.operations) == 0 ? 0 : 1
  source = "../pinpoint_access"

  pinpoint   = var.pinpoint
  operations = local.operations
}

module "function" {
  source = "../lambda_function"

  name        = var.name
  description = "Creates, updates and deletes resources that the AWS provider has no (lasting) resource for."
  handler     = "pinpoint_resources.functions.manage.lambda_handler"

  package_path    = var.package_path == null ? "${path.module}/../../../dist/pinpoint_resources.zip" : var.package_path
  environment     = one(module.access[*].environment) == null ? {} : one(module.access[*].environment)
  policies        = local.policies
  timeout_seconds = 120

  alarm              = var.alarm
  kms_key_arn        = var.kms_key_arn
  log_retention_days = var.log_retention_days
  tags               = var.tags
}

resource "aws_lambda_invocation" "this" {
  for_each = var.resources

  function_name   = module.function.function_name
  lifecycle_scope = "CRUD"

  input = jsonencode({
    owner      = "${var.name}/${each.key}"
    project_id = var.pinpoint.project_id
    properties = local.properties[each.key]
    revision   = local.revisions[each.key]
    type       = each.value.type
  })

  # Also while destroying: the function has to outlive what it manages, with all its permissions.
  depends_on = [module.function]
}
