mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name = "shop-offers"
  pinpoint = {
    project_id = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
    api        = { url = "https://hub.example.com", execution_arn = "arn:aws:execute-api:eu-west-1:111122223333:hub" }
  }
  campaign_role = { arn = "arn:aws:iam::111122223333:role/hub-campaign-lambda" }
  attributes    = { Offer = { default = "10 % off" } }
}

run "makes_a_table_of_its_own_and_may_read_no_other" {
  command = apply

  assert {
    condition = alltrue([
      aws_dynamodb_table.this[0].name == "shop-offers-attributes",
      aws_dynamodb_table.this[0].hash_key == "id",
      one(aws_dynamodb_table.this[0].ttl).attribute_name == "expires_at",
      output.table_name == "shop-offers-attributes",
    ])
    error_message = "The table has an item per key, and offers end."
  }

  assert {
    condition = [for statement in data.aws_iam_policy_document.source[0].statement : [statement.actions, statement.resources]] == [
      [toset(["dynamodb:BatchGetItem"]), toset([aws_dynamodb_table.this[0].arn])]
    ]
    error_message = "The function reads attributes, and does nothing else."
  }
}

run "sends_with_the_default_within_five_seconds_unless_it_is_told_otherwise" {
  command = plan

  assert {
    condition = jsondecode(local.settings) == {
      attributes           = { Offer = { from = null, default = "10 % off" } }
      allowed              = null
      cache_seconds        = 60
      deadline_seconds     = 5
      key                  = "Id"
      max_value_characters = 100
      on_failure           = { no_key = "send_default", missing = "send_default", unusable = "send_default", source_failed = "send_default" }
      source               = { table = { name = "shop-offers-attributes", partition_key = "id", key_type = "S", expiry = "expires_at" } }
    }
    error_message = "These are the documented defaults."
  }

  assert {
    condition     = sort(keys(aws_cloudwatch_metric_alarm.this)) == tolist(["failed-batches", "source-failing", "unusable-values"])
    error_message = "Each of the three failures needs a person."
  }

  assert {
    condition     = length(module.project_settings) == 0
    error_message = "A hook of the whole project is the caller's wish."
  }
}

run "names_itself_as_the_hook_of_a_campaign" {
  command = apply

  assert {
    condition     = output.campaign_hook == { LambdaFunctionName = output.function_arn, Mode = "FILTER" }
    error_message = "The output is the member Hook of a campaign."
  }
}

run "becomes_the_hook_of_the_project_and_names_no_other_setting" {
  command = plan

  variables { project_hook = {} }

  assert {
    condition     = length(module.project_settings) == 1 && keys(local.project_settings) == ["CampaignHook"]
    error_message = "The project's settings are managed by pinpoint_resources, which keeps the members that are not named."
  }
}

run "reads_a_table_that_exists_and_decrypts_it" {
  command = plan

  variables {
    attribute_source = {
      table = {
        existing = {
          arn     = "arn:aws:dynamodb:eu-west-1:111122223333:table/customers"
          kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/1" }
        }
        partition_key = { name = "customer", type = "N" }
      }
    }
  }

  assert {
    condition     = length(aws_dynamodb_table.this) == 0 && output.table_name == null && output.table_arn == null
    error_message = "The table is another's."
  }

  assert {
    condition     = jsondecode(local.settings).source.table == { name = "customers", partition_key = "customer", key_type = "N", expiry = null }
    error_message = "The function must read the named table by its key."
  }

  assert {
    condition = [for statement in data.aws_iam_policy_document.source[0].statement : [statement.actions, statement.resources]] == [
      [toset(["dynamodb:BatchGetItem"]), toset(["arn:aws:dynamodb:eu-west-1:111122223333:table/customers"])],
      [toset(["kms:Decrypt"]), toset(["arn:aws:kms:eu-west-1:111122223333:key/1"])],
    ]
    error_message = "Reading an encrypted table takes its key."
  }
}

run "asks_an_endpoint_without_any_permission" {
  command = plan

  variables { attribute_source = { https = { url = "https://offers.example.com/batch?v=1" } } }

  assert {
    condition = jsondecode(local.settings).source == { https = {
      url = "https://offers.example.com/batch?v=1", method = "POST", header = null, secret_arn = null, parameter_arn = null, max_answer_bytes = 1000000
    } }
    error_message = "The endpoint is asked by POST."
  }

  assert {
    condition     = length(data.aws_iam_policy_document.source) == 0 && length(aws_dynamodb_table.this) == 0
    error_message = "A public endpoint needs no permission and no table."
  }
}

run "reads_the_secret_of_a_header_and_its_key" {
  command = plan

  variables {
    attribute_source = {
      https = {
        url = "https://offers.example.com"
        header = { secret = {
          arn     = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:offers-a1b2c3"
          kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/1" }
        } }
      }
    }
  }

  assert {
    condition = [for statement in data.aws_iam_policy_document.source[0].statement : [statement.actions, statement.resources]] == [
      [toset(["secretsmanager:GetSecretValue"]), toset(["arn:aws:secretsmanager:eu-west-1:111122223333:secret:offers-a1b2c3"])],
      [toset(["kms:Decrypt"]), toset(["arn:aws:kms:eu-west-1:111122223333:key/1"])],
    ]
    error_message = "One secret and one key, and no other."
  }
}

run "reads_the_parameter_of_a_header" {
  command = plan

  variables {
    attribute_source = {
      https = {
        url    = "https://offers.example.com"
        method = "GET"
        header = { name = "x-api-key", parameter = { arn = "arn:aws:ssm:eu-west-1:111122223333:parameter/offers/key" } }
      }
    }
  }

  assert {
    condition = [for statement in data.aws_iam_policy_document.source[0].statement : [statement.actions, statement.resources]] == [
      [toset(["ssm:GetParameter"]), toset(["arn:aws:ssm:eu-west-1:111122223333:parameter/offers/key"])],
    ]
    error_message = "One parameter, and no other."
  }
}

run "asks_a_function_of_the_caller" {
  command = plan

  variables { attribute_source = { function = { arn = "arn:aws:lambda:eu-west-1:111122223333:function:offers:live" } } }

  assert {
    condition = [for statement in data.aws_iam_policy_document.source[0].statement : [statement.actions, statement.resources]] == [
      [toset(["lambda:InvokeFunction"]), toset(["arn:aws:lambda:eu-west-1:111122223333:function:offers:live"])],
    ]
    error_message = "The function may invoke the source, and no other function."
  }
}

run "fits_the_longest_name_into_every_aws_name" {
  command = plan

  variables {
    name         = "abcdefghijklmnopqrstuvwxyz"
    project_hook = {}
  }

  assert {
    condition     = output.table_name == "abcdefghijklmnopqrstuvwxyz-attributes"
    error_message = "26 characters are allowed."
  }
}

run "rejects_no_attributes" {
  command = plan
  variables { attributes = {} }
  expect_failures = [var.attributes]
}

run "rejects_a_name_that_no_endpoint_keeps" {
  command = plan
  variables { attributes = { "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz" = {} } }
  expect_failures = [var.attributes]
}

run "rejects_an_empty_name_at_the_source" {
  command = plan
  variables { attributes = { Offer = { from = "" } } }
  expect_failures = [var.attributes]
}

run "rejects_a_default_that_is_longer_than_a_value_may_be" {
  command = plan
  variables {
    attributes           = { Offer = { default = "12345678901" } }
    max_value_characters = 10
  }
  expect_failures = [var.attributes]
}

run "rejects_an_empty_default_in_place_of_null" {
  command = plan
  variables { attributes = { Offer = { default = "" } } }
  expect_failures = [var.attributes]
}

run "rejects_more_than_an_environment_variable_holds" {
  command = plan
  variables {
    attributes = { for number in range(40) : "attribute-with-a-long-name-${number}" => { default = "a default of some fifty characters, number ${number}" } }
  }
  expect_failures = [output.campaign_hook]
}

run "rejects_two_sources" {
  command = plan
  variables { attribute_source = { table = {}, https = { url = "https://offers.example.com" } } }
  expect_failures = [var.attribute_source]
}

run "rejects_no_source" {
  command = plan
  variables { attribute_source = {} }
  expect_failures = [var.attribute_source]
}

run "rejects_a_table_that_is_no_arn" {
  command = plan
  variables { attribute_source = { table = { existing = { arn = "customers" } } } }
  expect_failures = [var.attribute_source]
}

run "rejects_a_binary_key" {
  command = plan
  variables { attribute_source = { table = { partition_key = { type = "B" } } } }
  expect_failures = [var.attribute_source]
}

run "rejects_an_expiry_that_is_the_key" {
  command = plan
  variables { attribute_source = { table = { expiry = "customer", partition_key = { name = "customer" } } } }
  expect_failures = [var.attribute_source]
}

run "rejects_a_url_without_encryption" {
  command = plan
  variables { attribute_source = { https = { url = "http://offers.example.com" } } }
  expect_failures = [var.attribute_source]
}

run "rejects_a_url_of_an_ip_address" {
  command = plan
  variables { attribute_source = { https = { url = "https://169.254.169.254/latest" } } }
  expect_failures = [var.attribute_source]
}

run "rejects_a_url_of_this_machine" {
  command = plan
  variables { attribute_source = { https = { url = "https://localhost/" } } }
  expect_failures = [var.attribute_source]
}

run "rejects_a_url_with_a_password" {
  command = plan
  variables { attribute_source = { https = { url = "https://user:secret@offers.example.com/" } } }
  expect_failures = [var.attribute_source]
}

run "rejects_another_method" {
  command = plan
  variables { attribute_source = { https = { url = "https://offers.example.com", method = "PUT" } } }
  expect_failures = [var.attribute_source]
}

run "rejects_a_header_without_a_value" {
  command = plan
  variables { attribute_source = { https = { url = "https://offers.example.com", header = {} } } }
  expect_failures = [var.attribute_source]
}

run "rejects_a_header_that_the_function_sets" {
  command = plan
  variables {
    attribute_source = { https = {
      url    = "https://offers.example.com"
      header = { name = "Host", parameter = { arn = "arn:aws:ssm:eu-west-1:111122223333:parameter/key" } }
    } }
  }
  expect_failures = [var.attribute_source]
}

run "rejects_the_name_of_a_secret" {
  command = plan
  variables {
    attribute_source = { https = { url = "https://offers.example.com", header = { secret = { arn = "offers" } } } }
  }
  expect_failures = [var.attribute_source]
}

run "rejects_the_name_of_a_parameter" {
  command = plan
  variables {
    attribute_source = { https = { url = "https://offers.example.com", header = { parameter = { arn = "/offers/key" } } } }
  }
  expect_failures = [var.attribute_source]
}

run "rejects_the_name_of_a_function" {
  command = plan
  variables { attribute_source = { function = { arn = "offers" } } }
  expect_failures = [var.attribute_source]
}

run "rejects_an_answer_that_no_function_can_give" {
  command = plan
  variables { attribute_source = { function = { arn = "arn:aws:lambda:eu-west-1:111122223333:function:offers", max_answer_bytes = 10000000 } } }
  expect_failures = [var.attribute_source]
}

run "rejects_a_list_that_allows_no_campaign" {
  command = plan
  variables { allowed = {} }
  expect_failures = [var.allowed]
}

run "rejects_the_name_of_a_campaign" {
  command = plan
  variables { allowed = { campaign_ids = ["offers of the week"] } }
  expect_failures = [var.allowed]
}

run "rejects_an_address_as_a_key" {
  command = plan
  variables { key = "Address" }
  expect_failures = [var.key]
}

run "rejects_an_unknown_policy" {
  command = plan
  variables { on_failure = { missing = "ignore" } }
  expect_failures = [var.on_failure]
}

run "rejects_a_deadline_that_the_campaign_does_not_wait_for" {
  command = plan
  variables { deadline_seconds = 15 }
  expect_failures = [var.deadline_seconds]
}

run "rejects_a_negative_age" {
  command = plan
  variables { cache_seconds = -1 }
  expect_failures = [var.cache_seconds]
}

run "rejects_values_that_the_answer_cannot_hold" {
  command = plan
  variables { max_value_characters = 100000 }
  expect_failures = [var.max_value_characters]
}

run "rejects_a_longer_name_a_retention_that_cloudwatch_does_not_offer_and_zips_from_two_places" {
  command = plan

  variables {
    name               = "abcdefghijklmnopqrstuvwxyz1"
    log_retention_days = 2
    packages           = { directory = "dist", s3 = { bucket = "zips" } }
  }

  expect_failures = [var.name, var.log_retention_days, var.packages]
}
