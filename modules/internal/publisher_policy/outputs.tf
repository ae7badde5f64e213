# Not an aws_iam_policy_document, which is "{}" under a mocked provider: the tests of a queue assert
# on the policy of the queue.
output "policy_json" {
  description = "Resource policy (JSON): it denies access without TLS, and allows each publisher for its own source."
  value       = jsonencode({ Version = "2012-10-17", Statement = concat([local.refusal], local.permissions) })
}
