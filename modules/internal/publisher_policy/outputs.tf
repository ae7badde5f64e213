# Not an aws_iam_policy_document: under a mocked provider that is "{}", and the tests of a queue are
# to see the policy that the queue gets.
output "policy_json" {
  description = "Resource policy: nothing without TLS, and each publisher for its own source."
  value       = jsonencode({ Version = "2012-10-17", Statement = concat([local.refusal], local.permissions) })
}
