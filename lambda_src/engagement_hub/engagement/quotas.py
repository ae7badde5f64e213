"""How much the hub keeps of one endpoint, user or segment.

Source: Amazon Pinpoint developer guide, "Quotas", where no other source is named.
"""

ENDPOINT_BYTES = 15 * 1024
ATTRIBUTES_PER_ENDPOINT = 250  # Attributes, Metrics and UserAttributes together
ATTRIBUTE_NAME_CHARACTERS = 50
ATTRIBUTE_VALUE_CHARACTERS = 100
VALUES_PER_ATTRIBUTE = 50
ENDPOINTS_PER_USER = 15
SEGMENT_DIMENSIONS = 100

# Our own, undocumented by AWS: each reference costs an evaluation for every endpoint of a run.
SOURCE_SEGMENTS = 100
# Our own, undocumented by AWS: 250 four-byte characters and a prefix still fit a DynamoDB sort key.
ID_CHARACTERS = 250
# Our own: device tokens are the longest addresses, and stay under 4 KB.
ADDRESS_CHARACTERS = 4096
# Our own: the longest names of places and devices are far shorter.
PROPERTY_CHARACTERS = 200
