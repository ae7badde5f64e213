locals {
  answers = { for key, invocation in aws_lambda_invocation.this : key => try(jsondecode(invocation.result), {}) }
  undone  = [for key, answer in local.answers : key if try(answer.Revision, "") != local.revisions[key]]
}

output "function_name" {
  description = "Name of the function that manages the resources."
  value       = module.function.function_name
}

output "results" {
  description = "Key of the resource => what the API answered: Id, Arn, Version and the like, as far as its type has them."
  value       = { for key, answer in local.answers : key => { for member, value in answer : member => value if member != "Revision" } }

  # The provider keeps the new input in its state when an update fails (hashicorp/terraform-provider-aws
  # issue 43447), so that the next plan would look clean with the change never made.
  precondition {
    condition     = length(local.undone) == 0
    error_message = "The last change of ${join(", ", local.undone)} failed and was not made. Mend the cause, then run `terraform apply -replace=ADDRESS` for each, with the address of its aws_lambda_invocation."
  }
}
