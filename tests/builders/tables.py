"""The key schema that every table of the project has, and the index of the journeys' table."""

from typing import Any

# For create_table, beside its TableName: pk and sk, paid by request, as the modules declare it.
PK_AND_SK: dict[str, Any] = {
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ],
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "S"},
    ],
}

WITH_DUE_INDEX: dict[str, Any] = {
    **PK_AND_SK,
    "AttributeDefinitions": [
        *PK_AND_SK["AttributeDefinitions"],
        {"AttributeName": "due_bucket", "AttributeType": "S"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "due",
            "KeySchema": [{"AttributeName": "due_bucket", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ],
}
