"""The engagement services: Amazon SES, AWS End User Messaging SMS, and Pinpoint's
living part."""
