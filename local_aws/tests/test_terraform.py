"""The AWS provider itself against the services that local_aws adds."""

from pathlib import Path

from builders.local_server import LocalServer
from builders.terraform import terraform_on

RESOURCES = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {
  region = "us-east-1"
}

resource "aws_pinpoint_app" "shop" {
  name = "shop"
  tags = { team = "crm" }
}

resource "aws_pinpoint_sms_channel" "shop" {
  application_id = aws_pinpoint_app.shop.application_id
}

resource "aws_pinpointsmsvoicev2_configuration_set" "receipts" {
  name = "receipts"
  tags = { team = "crm" }
}

resource "aws_pinpointsmsvoicev2_opt_out_list" "newsletter" {
  name = "newsletter"
}

resource "aws_pinpointsmsvoicev2_phone_number" "replies" {
  iso_country_code    = "US"
  message_type        = "TRANSACTIONAL"
  number_type         = "TOLL_FREE"
  number_capabilities = ["SMS", "VOICE"]
  opt_out_list_name   = aws_pinpointsmsvoicev2_opt_out_list.newsletter.name
}

resource "aws_s3_bucket" "imports" {
  bucket        = "imports"
  force_destroy = true
}

resource "aws_s3_bucket_versioning" "imports" {
  bucket = aws_s3_bucket.imports.id

  versioning_configuration {
    status = "Enabled"
  }
}
"""
KEYS = ["größe-日本.csv", "a+b c.csv", "100%", "%C3%BC"]


def test_terraform_applies_plans_nothing_more_and_destroys(
    local_aws: LocalServer, tmp_path: Path
) -> None:
    (tmp_path / "main.tf").write_text(RESOURCES)
    terraform = terraform_on(local_aws, tmp_path)

    initialised = terraform("init")
    applied = terraform("apply", "-auto-approve")
    apps = local_aws.client("pinpoint").get_apps()["ApplicationsResponse"]["Item"]
    sms = local_aws.client("pinpoint-sms-voice-v2")
    [made] = sms.describe_configuration_sets()["ConfigurationSets"]
    [number] = sms.describe_phone_numbers()["PhoneNumbers"]
    tags_of_made = sms.list_tags_for_resource(ResourceArn=made["ConfigurationSetArn"])["Tags"]
    s3 = local_aws.client("s3")
    for key in KEYS * 2:  # two versions of each
        s3.put_object(Bucket="imports", Key=key)
    planned = terraform("plan", "-detailed-exitcode")
    destroyed = terraform("destroy", "-auto-approve")

    assert initialised.returncode == 0, initialised.stderr
    assert applied.returncode == 0, applied.stderr
    assert [(app["Name"], app["tags"]) for app in apps] == [("shop", {"team": "crm"})]
    tags = {"Key": "team", "Value": "crm"}
    assert (made["ConfigurationSetName"], tags_of_made) == ("receipts", [tags])
    assert number["OptOutListName"] == "newsletter"
    assert planned.returncode == 0, planned.stdout
    assert destroyed.returncode == 0, destroyed.stderr
    assert local_aws.client("pinpoint").get_apps()["ApplicationsResponse"]["Item"] == []
    assert sms.describe_phone_numbers()["PhoneNumbers"] == []
    assert s3.list_buckets()["Buckets"] == []
    assert [item["OptOutListName"] for item in sms.describe_opt_out_lists()["OptOutLists"]] == [
        "Default"
    ]
