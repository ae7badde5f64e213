# Files dropped into a bucket are sent as text messages, each number at its own pace.

provider "aws" {
  region = var.region

  default_tags {
    tags = { Project = var.name }
  }
}

# Toll-free numbers; a number, short code, pool or sender ID of your account has an ARN too. A destroy
# releases them.
resource "aws_pinpointsmsvoicev2_phone_number" "alerts" {
  iso_country_code    = "US"
  message_type        = "TRANSACTIONAL"
  number_capabilities = ["SMS"]
  number_type         = "TOLL_FREE"
}

resource "aws_pinpointsmsvoicev2_phone_number" "offers" {
  iso_country_code    = "US"
  message_type        = "PROMOTIONAL"
  number_capabilities = ["SMS"]
  number_type         = "TOLL_FREE"
}

resource "aws_pinpointsmsvoicev2_configuration_set" "this" {
  name = "${var.name}-messages"
}

module "drop" {
  source = "../../modules/sms_s3_drop"

  name = var.name
  origination_identities = {
    alerts = {
      arn                      = aws_pinpointsmsvoicev2_phone_number.alerts.arn
      name                     = aws_pinpointsmsvoicev2_phone_number.alerts.phone_number
      message_parts_per_second = var.message_parts_per_second
    }
    offers = {
      arn  = aws_pinpointsmsvoicev2_phone_number.offers.arn
      name = aws_pinpointsmsvoicev2_phone_number.offers.phone_number
    }
  }
  configuration_set    = { name = aws_pinpointsmsvoicev2_configuration_set.this.name }
  default_identity     = "alerts"
  default_message_type = "TRANSACTIONAL"

  # `terraform destroy` removes the data of the example too.
  force_destroy = true
}
