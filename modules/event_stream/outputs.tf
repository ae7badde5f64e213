output "event_stream" {
  description = "The stream, as the `event_stream` input of the modules that subscribe to it takes it: its ARN, and its customer managed key if it has one."
  value       = { stream_arn = aws_kinesis_stream.this.arn, kms_key_arn = var.kms_key_arn }
}

output "role_arn" {
  description = "Role by which the project writes events."
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
