# Pinpoint resources that the AWS provider has no (lasting) resource for. A function creates, updates
# and deletes each of them through the API, idempotently.
locals {
  operations = {
    alarm              = var.alarm
    kms_key            = var.kms_key
    log_retention_days = var.log_retention_days
    tags               = var.tags
  }

  # Type of the API => the caller's key => properties in the API's own member names.
  properties_by_type = {
    App = var.projects
    ApplicationSettings = {
      for settings in var.application_settings[*] : "project" => settings.properties
    }
    Channel       = { for channel, properties in var.channels : channel => jsonencode(merge(jsondecode(properties), { Channel = channel })) }
    EmailTemplate = var.email_templates
    EventStream = {
      for stream in var.event_stream[*] : "project" => jsonencode({
        DestinationStreamArn = stream.stream_arn
        RoleArn              = stream.role_arn
        TakeOver             = stream.take_over
      })
    }
    Segment                             = var.segments
    SmsConfigurationSetEventDestination = var.sms_event_destinations
    SmsPhoneNumber                      = var.sms_phone_numbers
    SmsTemplate                         = var.sms_templates
  }

  resources = merge([
    for type, resources in local.properties_by_type : {
      for key, properties in resources : "${type}/${key}" => { type = type, key = key, properties = properties }
    }
  ]...)

  # Type => the Pinpoint operations that manage it. A test compares them with the function.
  operations_of      = jsondecode(file("${path.module}/types.json"))
  pinpoint_resources = { for key, resource in local.resources : key => resource if length(local.operations_of[resource.type]) > 0 }
  api_operations     = distinct(flatten([for resource in values(local.pinpoint_resources) : local.operations_of[resource.type]]))

  project_id = var.pinpoint == null ? null : var.pinpoint.project_id

  # Hash of the requested properties, which the function's answer repeats; see `results` in outputs.tf.
  revisions = { for key, resource in local.resources : key => sha256(jsonencode([var.pinpoint, resource])) }
}

module "access" {
  count  = length(local.api_operations) == 0 ? 0 : 1
  source = "../internal/pinpoint_access"

  pinpoint       = var.pinpoint
  api_operations = local.api_operations
}

module "package" {
  source = "../internal/package"

  name     = var.name
  archives = ["pinpoint_resources"]
  packages = var.packages

  operations = local.operations
}

module "function" {
  source = "../internal/lambda_function"

  name            = "${var.name}-resources"
  description     = "Creates, updates and deletes Pinpoint resources for Terraform."
  handler         = "pinpoint_resources.functions.manage.lambda_handler"
  package         = module.package.archives["pinpoint_resources"]
  environment     = one(module.access[*].environment) == null ? {} : one(module.access[*].environment)
  policies        = local.policies
  timeout_seconds = 300 # a hub deletes a large project in many calls; a NAT gateway drops an idle connection after 350 s

  operations = local.operations
}

resource "aws_lambda_invocation" "this" {
  for_each = local.resources

  function_name   = module.function.function_name
  lifecycle_scope = "CRUD"

  input = jsonencode({
    owner      = "${module.function.function_name}/${each.value.key}"
    project_id = local.project_id
    properties = jsondecode(each.value.properties)
    revision   = local.revisions[each.key]
    type       = each.value.type
  })

  # On destroy the function, with its permissions, is deleted after its resources.
  depends_on = [module.function]
}
