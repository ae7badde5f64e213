"""Amazon Data Firehose: buffering, transformation by a function, conversion, delivery to S3."""
