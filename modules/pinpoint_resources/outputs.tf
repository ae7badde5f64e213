locals {
  answers = { for key, invocation in aws_lambda_invocation.this : key => try(jsondecode(invocation.result), {}) }
  undone  = [for key, answer in local.answers : key if try(answer.Revision, "") != local.revisions[key]]

  # Type => the caller's key => the API's answer.
  results = {
    for type, resources in local.properties_by_type : type => {
      for key in keys(resources) : key => {
        for member, value in local.answers["${type}/${key}"] : member => value if member != "Revision"
      }
    }
  }
}

output "function_name" {
  description = "Name of the function that manages the resources."
  value       = module.function.function_name
}

output "results" {
  description = "Type of the API (App, Segment, SmsTemplate, EmailTemplate, …) => the caller's key => the API's answer: Id, Arn, Version and other members that the type has."
  value       = local.results

  # If an update fails, the provider keeps the new input in its state (hashicorp/terraform-provider-aws
  # issue 43447), so that the next plan would show no change although the update was not made.
  precondition {
    condition     = length(local.undone) == 0
    error_message = "The last change of ${join(", ", local.undone)} failed and was not made. Correct the cause, then run `terraform apply -replace=ADDRESS` for each, with the address of its aws_lambda_invocation."
  }
}
