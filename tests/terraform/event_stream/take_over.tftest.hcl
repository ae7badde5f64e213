mock_provider "aws" {
  source = "./tests/mocks"
}

# Answer of the function to the registration of event_stream.tftest.hcl with "TakeOver":true. The answer
# has a file of its own, because a mocked update keeps the answer of the previous run.
override_resource {
  target = module.registration.aws_lambda_invocation.this
  values = { result = "{\"Revision\":\"9a349f119612133b41bbcfe0a9a44d4bd8b27fa3f7f0c0eadd4cfa9a852b2607\"}" }
}

variables {
  name = "news-stream"
  pinpoint = {
    project_id = "app1"
    api = {
      url           = "https://abc.execute-api.eu-west-1.amazonaws.com"
      execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:abc"
    }
  }
}

run "replaces_a_stream_when_told" {
  command = apply

  variables { take_over = true }

  assert {
    condition     = keys(module.registration.results.EventStream) == ["project"]
    error_message = "take_over must reach the registration."
  }
}
