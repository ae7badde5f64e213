output "event_stream" {
  description = "Kinesis data stream, for the `event_stream` input of the modules that subscribe to it: its ARN, and its customer managed KMS key, if it has one."
  value       = { stream_arn = aws_kinesis_stream.this.arn, kms_key = var.kms_key }
}

output "write_role_arn" {
  description = "ARN of the role with which the project writes events."
  value       = module.role.role_arn
}

output "stream_arn" {
  description = "ARN of the stream."
  value       = aws_kinesis_stream.this.arn
}

output "stream_name" {
  description = "Name of the stream."
  value       = aws_kinesis_stream.this.name
}
