locals {
  answer = try(jsondecode(aws_lambda_invocation.copy[0].result), {})
}

output "access_policies" {
  description = "IAM policies (JSON) that the roles of the inputs `from` and `to` need in their accounts: `from`, `to`."
  value = {
    from = module.from_role_access.policy_json
    to   = module.to_role_access.policy_json
  }
}

output "applied_copy" {
  description = "Copy that the last apply made: `counts` of journeys by result, `copies` (source id => copy's id), and `report`, the S3 URI of the report. Null without copy_on_apply."
  value = var.copy_on_apply == null ? null : {
    counts = try(local.answer.Counts, {})
    copies = try(local.answer.Copies, {})
    report = try(local.answer.Report, null)
  }

  # If an update fails, the provider keeps the new input in its state (hashicorp/terraform-provider-aws
  # issue 43447), so that the next plan would show no change although the copy was not made.
  precondition {
    condition     = var.copy_on_apply == null || try(local.answer.Revision, "") == local.revision
    error_message = "The last copy failed. Correct the cause that its notification and report name, then apply with another copy_on_apply.revision. Copies that were made stay as they are. Do not replace aws_lambda_invocation.copy: with delete_copies_on_destroy a replacement first deletes every draft copy."
  }
}

output "bucket_name" {
  description = "Name of the bucket of reports: reports/<year>/<month>/<day>/<execution>.json."
  value       = module.bucket.bucket_name
}

output "kms_key" {
  description = "Customer managed KMS key of the state machine, which a caller of StartExecution needs (kms:Decrypt, kms:GenerateDataKey). Null without one."
  value       = var.kms_key
}

output "mapping_table_name" {
  description = "Name of the DynamoDB table that maps journeys, segments and template versions to their copies."
  value       = aws_dynamodb_table.mapping.name
}

output "role_arns" {
  description = "Roles of the functions that call the projects, for the trust policies of roles in other accounts: `plan`, `copy`, and `apply` with copy_on_apply."
  value = merge(
    { plan = module.function["plan"].role_arn, copy = module.function["copy"].role_arn },
    var.copy_on_apply == null ? {} : { apply = module.apply[0].role_arn },
  )
}

output "state_machine_arn" {
  description = "ARN of the state machine that copies journeys. Its input is {\"JourneyIds\": […]} or {\"All\": true}, and optionally \"DryRun\": true."
  value       = module.state_machine.state_machine_arn
}

output "topic_arn" {
  description = "ARN of the notification topic. The attribute notification_type of a notification is started, success or failure."
  value       = module.topic.topic_arn
}
