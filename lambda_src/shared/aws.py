"""Make AWS clients with botocore, without loading boto3.

`boto3.client` calls a botocore session and returns botocore's client. The rest of boto3 (resources,
S3 transfers) costs a cold start some 40 ms of imports; a module that needs boto3 imports it.
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
    """Return a client of the function's own role; like boto3's, safe to share by threads once made.

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
