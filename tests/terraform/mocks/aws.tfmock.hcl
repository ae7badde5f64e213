# Values of the mocked provider that must not be random words: a module parses them, or another
# argument is checked to be an ARN or JSON. Assert on `.statement`, not on this JSON.

mock_data "aws_caller_identity" {
  defaults = {
    account_id = "111122223333"
    arn        = "arn:aws:iam::111122223333:root"
  }
}

mock_data "aws_partition" {
  defaults = {
    partition  = "aws"
    dns_suffix = "amazonaws.com"
  }
}

mock_data "aws_region" {
  defaults = {
    id   = "eu-west-1"
    name = "eu-west-1"
  }
}

mock_data "aws_iam_policy_document" {
  defaults = { json = "{}" }
}

mock_resource "aws_cloudwatch_event_bus" {
  defaults = { arn = "arn:aws:events:eu-west-1:111122223333:event-bus/mock" }
}

mock_resource "aws_cloudwatch_event_rule" {
  defaults = { arn = "arn:aws:events:eu-west-1:111122223333:rule/mock" }
}

mock_resource "aws_cloudwatch_log_group" {
  defaults = { arn = "arn:aws:logs:eu-west-1:111122223333:log-group:mock" }
}

mock_resource "aws_dynamodb_table" {
  defaults = {
    arn        = "arn:aws:dynamodb:eu-west-1:111122223333:table/mock"
    stream_arn = "arn:aws:dynamodb:eu-west-1:111122223333:table/mock/stream/2026-01-02T03:04:05.678"
  }
}

mock_resource "aws_glue_catalog_database" {
  defaults = { arn = "arn:aws:glue:eu-west-1:111122223333:database/mock" }
}

mock_resource "aws_glue_catalog_table" {
  defaults = { arn = "arn:aws:glue:eu-west-1:111122223333:table/mock/mock" }
}

mock_resource "aws_iam_policy" {
  defaults = { arn = "arn:aws:iam::111122223333:policy/mock" }
}

mock_resource "aws_iam_role" {
  defaults = {
    arn         = "arn:aws:iam::111122223333:role/mock"
    create_date = "2020-01-02T03:04:05Z"
  }
}

mock_resource "aws_kinesis_firehose_delivery_stream" {
  defaults = { arn = "arn:aws:firehose:eu-west-1:111122223333:deliverystream/mock" }
}

mock_resource "aws_kinesis_stream" {
  defaults = { arn = "arn:aws:kinesis:eu-west-1:111122223333:stream/mock" }
}

mock_resource "aws_kms_key" {
  defaults = { arn = "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000" }
}

mock_resource "aws_lambda_function" {
  defaults = { arn = "arn:aws:lambda:eu-west-1:111122223333:function:mock" }
}

mock_resource "aws_lambda_invocation" {
  defaults = { result = "{}" }
}

mock_resource "aws_apigatewayv2_api" {
  defaults = {
    arn           = "arn:aws:apigateway:eu-west-1::/apis/mock"
    api_endpoint  = "https://mock.execute-api.eu-west-1.amazonaws.com"
    execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:mock"
  }
}

mock_resource "aws_apigatewayv2_stage" {
  defaults = {
    arn           = "arn:aws:apigateway:eu-west-1::/apis/mock/stages/$default"
    execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:mock/$default"
  }
}

mock_resource "aws_s3_bucket" {
  defaults = { arn = "arn:aws:s3:::mock" }
}

mock_resource "aws_scheduler_schedule_group" {
  defaults = { arn = "arn:aws:scheduler:eu-west-1:111122223333:schedule-group/mock" }
}

mock_resource "aws_sfn_state_machine" {
  defaults = { arn = "arn:aws:states:eu-west-1:111122223333:stateMachine:mock" }
}

mock_resource "aws_sns_topic" {
  defaults = { arn = "arn:aws:sns:eu-west-1:111122223333:mock" }
}

mock_resource "aws_sqs_queue" {
  defaults = {
    arn = "arn:aws:sqs:eu-west-1:111122223333:mock"
    url = "https://sqs.eu-west-1.amazonaws.com/111122223333/mock"
  }
}

mock_resource "aws_cloudfront_distribution" {
  defaults = { arn = "arn:aws:cloudfront::111122223333:distribution/EMOCK", domain_name = "mock.cloudfront.net", id = "EMOCK" }
}

mock_resource "aws_cloudfront_function" {
  defaults = { arn = "arn:aws:cloudfront::111122223333:function/mock" }
}

mock_resource "aws_cloudwatch_log_delivery_destination" {
  defaults = { arn = "arn:aws:logs:us-east-1:111122223333:delivery-destination:mock" }
}

mock_resource "aws_cloudwatch_log_delivery_source" {
  defaults = { arn = "arn:aws:logs:us-east-1:111122223333:delivery-source:mock" }
}
