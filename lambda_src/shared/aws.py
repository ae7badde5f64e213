"""How AWS clients are made: by botocore, without loading boto3 for it.

`boto3.client` hands over to a botocore session and gives back botocore's client. What boto3 adds
(resources, S3 transfers) costs a cold start some 40 ms of imports; who needs it imports it there.
"""

from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.session import Session, get_session

if TYPE_CHECKING:
    from botocore.config import Config

__all__ = ["aws_client"]


def aws_client(
    service: str, *, config: "Config | None" = None, endpoint_url: str | None = None
) -> Any:
    """A client of the function's own role; like boto3's, safe to share by threads once made.

    All come from one session: a second one would look for credentials and read the list of AWS's
    endpoints again. Two threads must not make clients at the same time.

    Args:
        service: as boto3 names it; the caller annotates the client with its type.
        endpoint_url: None for AWS's own.
    """
    return _session().create_client(service, config=config, endpoint_url=endpoint_url)


@cache
def _session() -> Session:
    return get_session()
