mock_provider "aws" {
  source = "./tests/mocks"
}

override_data {
  target = data.aws_region.current
  values = { id = "us-east-1", name = "us-east-1" }
}

variables {
  name = "site"
}

run "keeps_objects_for_an_hour_and_sends_security_headers_by_default" {
  command = apply

  assert {
    condition     = aws_cloudfront_cache_policy.this.default_ttl == 3600 && aws_cloudfront_cache_policy.this.min_ttl == 0
    error_message = "An object without a Cache-Control header must be kept for an hour."
  }

  assert {
    condition = alltrue([
      one(one(aws_cloudfront_response_headers_policy.this.security_headers_config).strict_transport_security).access_control_max_age_sec == 31536000,
      one(one(aws_cloudfront_response_headers_policy.this.security_headers_config).frame_options).frame_option == "DENY",
      one(one(aws_cloudfront_response_headers_policy.this.security_headers_config).content_type_options).override,
      one(one(aws_cloudfront_response_headers_policy.this.security_headers_config).referrer_policy).referrer_policy == "strict-origin-when-cross-origin",
      startswith(one(one(aws_cloudfront_response_headers_policy.this.security_headers_config).content_security_policy).content_security_policy, "default-src 'self'"),
    ])
    error_message = "Every security header must be sent."
  }

  assert {
    condition     = contains(one(aws_cloudfront_response_headers_policy.this.remove_headers_config).items[*].header, "x-amz-server-side-encryption-aws-kms-key-id")
    error_message = "No viewer may learn the ARN of the key."
  }

  assert {
    condition = alltrue([
      one(aws_cloudfront_distribution.this.default_cache_behavior).viewer_protocol_policy == "redirect-to-https",
      one(aws_cloudfront_distribution.this.default_cache_behavior).allowed_methods == toset(["GET", "HEAD"]),
      one(aws_cloudfront_distribution.this.origin).origin_access_control_id == aws_cloudfront_origin_access_control.this.id,
      length(one(aws_cloudfront_distribution.this.origin).s3_origin_config) == 0,
    ])
    error_message = "Viewers must use TLS and read only, and the distribution must sign with its access control."
  }

  assert {
    condition     = aws_cloudfront_distribution.this.price_class == "PriceClass_100" && aws_cloudfront_distribution.this.web_acl_id == null
    error_message = "The default must be the cheapest edge locations without a web ACL."
  }

  assert {
    condition     = one(aws_cloudfront_distribution.this.custom_error_response).response_page_path == "/404.html" && one(aws_cloudfront_distribution.this.custom_error_response).error_code == 404
    error_message = "A missing object must be answered with the page about missing pages."
  }

  assert {
    condition     = length(module.package) == 0 && length(module.invalidate) == 0 && length(output.dead_letter_queue_urls) == 0
    error_message = "Without invalidation the module must have no function and need no package."
  }

  assert {
    condition     = output.url == "https://mock.cloudfront.net/" && strcontains(output.public_warning, "is public")
    error_message = "The outputs must name the URL and warn about the audience."
  }
}

run "logs_no_viewer_address_no_cookie_and_no_query_string" {
  command = apply

  assert {
    condition     = length(setintersection(aws_cloudwatch_log_delivery.this.record_fields, ["c-ip", "cs(Cookie)", "cs(Referer)", "cs-uri-query", "x-forwarded-for"])) == 0
    error_message = "The log must hold no personal data."
  }

  assert {
    condition     = aws_s3_bucket_logging.this.target_bucket == module.log_bucket.bucket_name && aws_s3_bucket_logging.this.target_prefix == "bucket/"
    error_message = "The access log of the bucket must be in the log bucket."
  }

  assert {
    condition     = aws_cloudwatch_log_delivery_source.this.log_type == "ACCESS_LOGS" && length(aws_cloudfront_distribution.this.logging_config) == 0
    error_message = "The distribution must use standard logging v2: legacy logs need a bucket with ACLs."
  }
}

run "logs_viewer_addresses_on_request" {
  command = apply

  variables { access_logs = { viewer_addresses = true } }

  assert {
    condition     = contains(aws_cloudwatch_log_delivery.this.record_fields, "c-ip")
    error_message = "The log must hold the addresses that were asked for."
  }
}

run "uses_tls_1_2_for_a_domain" {
  command = apply

  variables {
    domain = { names = ["www.example.com", "*.example.com"], certificate_arn = "arn:aws:acm:us-east-1:111122223333:certificate/c1" }
  }

  assert {
    condition = alltrue([
      one(aws_cloudfront_distribution.this.viewer_certificate).minimum_protocol_version == "TLSv1.2_2021",
      one(aws_cloudfront_distribution.this.viewer_certificate).ssl_support_method == "sni-only",
      one(aws_cloudfront_distribution.this.viewer_certificate).acm_certificate_arn == var.domain.certificate_arn,
      aws_cloudfront_distribution.this.aliases == toset(["www.example.com", "*.example.com"]),
      output.url == "https://www.example.com/",
    ])
    error_message = "The domain must be served with its certificate over TLS 1.2 or newer."
  }
}

run "invalidates_changed_objects_on_request" {
  command = apply

  variables { invalidation = { max_paths = 5, window_seconds = 30 } }

  assert {
    condition = alltrue([
      jsondecode(aws_cloudwatch_event_rule.object_changed["site"].event_pattern).detail-type == ["Object Created", "Object Deleted"],
      # An older version that expires is no change of the site.
      jsondecode(aws_cloudwatch_event_rule.object_changed["site"].event_pattern).detail.reason == [{ anything-but = ["Lifecycle Expiration"] }],
      aws_cloudwatch_event_target.queue["site"].dead_letter_config[0].arn == module.undelivered["site"].queue_arn,
      aws_lambda_event_source_mapping.invalidate["site"].maximum_batching_window_in_seconds == 30,
      contains(aws_lambda_event_source_mapping.invalidate["site"].function_response_types, "ReportBatchItemFailures"),
      keys(output.dead_letter_queue_urls) == ["changes", "events"],
    ])
    error_message = "Changes must be collected and every failure must be kept."
  }

  assert {
    condition = [
      for statement in data.aws_iam_policy_document.invalidate["site"].statement : statement.resources
      if contains(statement.actions, "cloudfront:CreateInvalidation")
    ] == [toset([aws_cloudfront_distribution.this.arn])]
    error_message = "The function may invalidate this distribution and no other."
  }
}

run "limits_viewers_by_country_and_web_acl" {
  command = apply

  variables {
    geo_restriction = { action = "allow", countries = ["DE", "FR"] }
    web_acl         = { arn = "arn:aws:wafv2:us-east-1:111122223333:global/webacl/w/1" }
    cors            = null
  }

  assert {
    condition = alltrue([
      one(one(aws_cloudfront_distribution.this.restrictions).geo_restriction).restriction_type == "whitelist",
      one(one(aws_cloudfront_distribution.this.restrictions).geo_restriction).locations == toset(["DE", "FR"]),
      aws_cloudfront_distribution.this.web_acl_id == var.web_acl.arn,
      length(aws_cloudfront_response_headers_policy.this.cors_config) == 0,
    ])
    error_message = "Countries, web ACL and the absence of CORS must reach the distribution."
  }
}

run "encrypts_the_site_and_not_the_log_bucket_with_the_key" {
  command = apply

  variables { kms_key = { arn = "arn:aws:kms:us-east-1:111122223333:key/k" } }

  assert {
    condition     = local.operations.kms_key.arn == var.kms_key.arn && local.log_operations.kms_key == null
    error_message = "The bucket of the site must use the key, and the log bucket the key of S3: S3 logs to no other."
  }
}

run "rejects_a_topic_of_another_region" {
  command = plan

  variables { alarm = { topic_arn = "arn:aws:sns:eu-west-1:111122223333:alarms" } }

  expect_failures = [aws_cloudfront_distribution.this]
}

run "rejects_a_key_of_another_region" {
  command = plan

  variables { kms_key = { arn = "arn:aws:kms:eu-west-1:111122223333:key/k" } }

  expect_failures = [aws_cloudfront_distribution.this]
}

run "notifies_a_topic_of_its_region" {
  command = apply

  variables { alarm = { topic_arn = "arn:aws:sns:us-east-1:111122223333:alarms" } }

  assert {
    condition     = aws_cloudwatch_metric_alarm.server_errors.alarm_actions == toset(["arn:aws:sns:us-east-1:111122223333:alarms"])
    error_message = "The alarm must notify the topic."
  }
}

run "rejects_another_region" {
  command = plan

  override_data {
    target = data.aws_region.current
    values = { id = "eu-west-1", name = "eu-west-1" }
  }

  expect_failures = [aws_cloudfront_distribution.this]
}

run "rejects_a_default_above_the_maximum" {
  command = plan

  variables { cache = { default_seconds = 7200, max_seconds = 3600 } }

  expect_failures = [aws_cloudfront_distribution.this]
}

run "rejects_a_name_in_capitals" {
  command = plan

  variables { name = "Site" }

  expect_failures = [var.name]
}

run "rejects_logs_that_are_kept_for_no_day" {
  command = plan

  variables { access_logs = { retention_days = 0 } }

  expect_failures = [var.access_logs]
}

run "rejects_logs_that_are_kept_for_half_a_day" {
  command = plan

  variables { access_logs = { retention_days = 0.5 } }

  expect_failures = [var.access_logs]
}

run "rejects_a_cache_without_a_maximum" {
  command = plan

  variables { cache = { default_seconds = 0, max_seconds = 0 } }

  expect_failures = [var.cache]
}

run "rejects_a_negative_time" {
  command = plan

  variables { cache = { error_seconds = -1 } }

  expect_failures = [var.cache]
}

run "rejects_half_a_second" {
  command = plan

  variables { cache = { default_seconds = 0.5 } }

  expect_failures = [var.cache]
}

run "rejects_cors_for_no_origin" {
  command = plan

  variables { cors = { allowed_origins = [] } }

  expect_failures = [var.cors]
}

run "rejects_cors_for_an_origin_with_a_path" {
  command = plan

  variables { cors = { allowed_origins = ["https://www.example.com/page"] } }

  expect_failures = [var.cors]
}

run "rejects_cors_for_every_origin_and_one_more" {
  command = plan

  variables { cors = { allowed_origins = ["*", "https://www.example.com"] } }

  expect_failures = [var.cors]
}

run "rejects_a_domain_without_a_name" {
  command = plan

  variables { domain = { names = [], certificate_arn = "arn:aws:acm:us-east-1:111122223333:certificate/c1" } }

  expect_failures = [var.domain]
}

run "rejects_a_url_as_a_domain" {
  command = plan

  variables { domain = { names = ["https://www.example.com"], certificate_arn = "arn:aws:acm:us-east-1:111122223333:certificate/c1" } }

  expect_failures = [var.domain]
}

run "rejects_a_wildcard_as_the_first_name" {
  command = plan

  variables { domain = { names = ["*.example.com"], certificate_arn = "arn:aws:acm:us-east-1:111122223333:certificate/c1" } }

  expect_failures = [var.domain]
}

run "rejects_a_certificate_of_another_region" {
  command = plan

  variables { domain = { names = ["www.example.com"], certificate_arn = "arn:aws:acm:eu-west-1:111122223333:certificate/c1" } }

  expect_failures = [var.domain]
}

run "rejects_a_country_in_small_letters" {
  command = plan

  variables { geo_restriction = { action = "allow", countries = ["de"] } }

  expect_failures = [var.geo_restriction]
}

run "rejects_a_restriction_without_a_country" {
  command = plan

  variables { geo_restriction = { action = "deny", countries = [] } }

  expect_failures = [var.geo_restriction]
}

run "rejects_a_restriction_of_another_kind" {
  command = plan

  variables { geo_restriction = { action = "whitelist", countries = ["DE"] } }

  expect_failures = [var.geo_restriction]
}

run "rejects_an_invalidation_of_no_path" {
  command = plan

  variables { invalidation = { max_paths = 0 } }

  expect_failures = [var.invalidation]
}

run "rejects_an_invalidation_of_too_many_paths" {
  command = plan

  variables { invalidation = { max_paths = 3001 } }

  expect_failures = [var.invalidation]
}

run "rejects_a_window_that_lambda_does_not_have" {
  command = plan

  variables { invalidation = { window_seconds = 301 } }

  expect_failures = [var.invalidation]
}

run "rejects_a_page_with_a_slash_at_the_start" {
  command = plan

  variables { not_found_page = "/404.html" }

  expect_failures = [var.not_found_page]
}

run "rejects_a_page_with_a_space" {
  command = plan

  variables { not_found_page = "not found.html" }

  expect_failures = [var.not_found_page]
}

run "rejects_an_unknown_price_class" {
  command = plan

  variables { price_class = "PriceClass_50" }

  expect_failures = [var.price_class]
}

run "rejects_an_unknown_frame_option" {
  command = plan

  variables { security_headers = { frame_option = "ALLOWALL" } }

  expect_failures = [var.security_headers]
}

run "rejects_an_unknown_referrer_policy" {
  command = plan

  variables { security_headers = { referrer_policy = "never" } }

  expect_failures = [var.security_headers]
}

run "rejects_a_content_security_policy_of_two_lines" {
  command = plan

  variables { security_headers = { content_security_policy = "default-src\n'self'" } }

  expect_failures = [var.security_headers]
}

run "rejects_a_negative_transport_security" {
  command = plan

  variables { security_headers = { transport_security_seconds = -1 } }

  expect_failures = [var.security_headers]
}

run "rejects_a_regional_web_acl" {
  command = plan

  variables { web_acl = { arn = "arn:aws:wafv2:us-east-1:111122223333:regional/webacl/w/1" } }

  expect_failures = [var.web_acl]
}

run "rejects_a_log_retention_that_cloudwatch_does_not_have" {
  command = plan

  variables { log_retention_days = 31 }

  expect_failures = [var.log_retention_days]
}

run "rejects_two_places_for_packages" {
  command = plan

  variables { packages = { directory = "dist", s3 = { bucket = "b" } } }

  expect_failures = [var.packages]
}
