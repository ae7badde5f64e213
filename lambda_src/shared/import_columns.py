"""The names of the columns of an import, in the header of a file and in the result of a query.

Source: Amazon Pinpoint user guide, "Importing segments". Ours: columns that exports carry and
imports cannot set (IGNORED) are read over, and `EndpointStatus` is imported.
"""

__all__ = [
    "DEMOGRAPHIC_TEXTS",
    "EXACT",
    "IGNORED",
    "KNOWN",
    "LOCATION_TEXTS",
    "VALUE_LISTS",
    "are_missing",
    "is_known",
    "missing_columns",
]

LOCATION_TEXTS = ("City", "Country", "PostalCode", "Region")
DEMOGRAPHIC_TEXTS = (
    "AppVersion",
    "Locale",
    "Make",
    "Model",
    "ModelVersion",
    "Platform",
    "PlatformVersion",
    "Timezone",
)
_SINGLE = (
    "Id",
    "Address",
    "ChannelType",
    "EffectiveDate",
    "EndpointStatus",
    "OptOut",
    "RequestId",
    *(f"Location.{part}" for part in (*LOCATION_TEXTS, "Latitude", "Longitude")),
    *(f"Demographic.{part}" for part in DEMOGRAPHIC_TEXTS),
    "User.UserId",
)
# Columns that may repeat, once per value.
VALUE_LISTS = ("Attributes.", "User.UserAttributes.")
IGNORED = ("ApplicationId", "CohortId", "CreationDate")
EXACT = frozenset((*_SINGLE, *IGNORED))
KNOWN = (*_SINGLE, "Attributes.…", "User.UserAttributes.…", "Metrics.…")
_OPEN = (*VALUE_LISTS, "Metrics.")


def is_known(name: str) -> bool:
    """Check whether the name is a column of an import."""
    return name in EXACT or any(
        name.startswith(prefix) and len(name) > len(prefix) for prefix in _OPEN
    )


def missing_columns(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns without which no row says which endpoint or user it is about."""
    if "Id" in names or set(names) == {"User.UserId"}:
        return ()
    return tuple(name for name in ("Address", "ChannelType") if name not in names)


def are_missing(columns: tuple[str, ...]) -> str:
    """Say that columns are missing, in the grammar of their number."""
    if len(columns) == 1:
        return f"Column {columns[0]} is missing"
    return f"Columns {' and '.join(columns)} are missing"
