data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  # For each operation: method and path (as in botocore's model), whether a hub serves it, and the
  # resource types of its IAM action, as in the Service Authorization Reference, "Actions, resources,
  # and condition keys for Amazon Pinpoint". If the Pinpoint Developer Guide ("Amazon Pinpoint actions
  # for IAM policies") names another ARN than that page, both are listed.
  operations = jsondecode(file("${path.module}/operations.json"))
  wanted     = { for name in distinct(var.api_operations) : name => local.operations[name] if contains(keys(local.operations), name) }

  # Operations that a hub does not serve, such as operations that AWS keeps after the end of Amazon
  # Pinpoint, are called at AWS, also for a hub's project.
  at_hub = var.pinpoint.api == null ? {} : { for name, operation in local.wanted : name => operation if operation.hub }
  at_aws = { for name, operation in local.wanted : name => operation if !contains(keys(local.at_hub), name) }

  # Operations on the same resources share a statement: the policies of a role may have 10,240
  # characters.
  by_resources = { for name, operation in local.at_aws : join(" ", operation.aws) => name... }
  # Without a project the operations are allowed on every project: the id of a project that CreateApp
  # will create is unknown.
  project_id = var.pinpoint.project_id == null ? "*" : var.pinpoint.project_id
  account_id = var.location.account_id == null ? data.aws_caller_identity.current.account_id : var.location.account_id
  region     = var.location.region == null ? data.aws_region.current.id : var.location.region
  arn_prefix = "arn:${data.aws_partition.current.partition}:mobiletargeting:${local.region}:${local.account_id}"

  # "/v1/apps/{application-id}/segments/{segment-id}" => "/v1/apps/<project>/segments/*"
  requests = sort([for operation in values(local.at_hub) : format(
    "%s%s",
    operation.method,
    replace(replace(operation.path, "{application-id}", local.project_id), "/\\{[^}]+\\}/", "*"),
  )])
}

data "aws_iam_policy_document" "this" {
  dynamic "statement" {
    for_each = local.by_resources

    content {
      # "apps/{application-id}/segments/*" => "PinpointAppsApplicationIdSegments"
      sid     = "Pinpoint${join("", [for word in regexall("[A-Za-z]+", statement.key) : title(lower(word))])}"
      actions = [for name in statement.value : "mobiletargeting:${name}"]
      resources = [
        for suffix in split(" ", statement.key) :
        "${local.arn_prefix}:${replace(suffix, "{application-id}", local.project_id)}"
      ]
    }
  }

  dynamic "statement" {
    for_each = length(local.at_hub) == 0 ? [] : [var.pinpoint.api]

    content {
      sid       = "CallTheHub"
      actions   = ["execute-api:Invoke"]
      resources = [for request in local.requests : "${statement.value.execution_arn}/*/${request}"]
    }
  }
}
