"""Suggest the import column for headers such as `Email`, `Phone Number` or `First Name`.

Loaded only to explain a refusal.
"""

import re
from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["meant_column"]

_EMAIL = "Address (and a column ChannelType that says EMAIL in each row)"
_NUMBER = "Address (and a column ChannelType that says SMS in each row)"

# Headers as Mailchimp, HubSpot, Google Contacts, Outlook and people write them, folded.
_MEANT: dict[str, str] = {
    **dict.fromkeys(("email", "emailaddress", "mail", "emailid", "primaryemail"), _EMAIL),
    **dict.fromkeys(
        (
            "phone",
            "phonenumber",
            "telephone",
            "tel",
            "mobile",
            "mobilephone",
            "mobilenumber",
            "mobilephonenumber",
            "cell",
            "cellphone",
            "sms",
            "smsphonenumber",
            "number",
        ),
        _NUMBER,
    ),
    **dict.fromkeys(("firstname", "givenname", "forename"), "User.UserAttributes.FirstName"),
    **dict.fromkeys(("lastname", "surname", "familyname"), "User.UserAttributes.LastName"),
    **dict.fromkeys(("name", "fullname"), "User.UserAttributes.Name"),
    **dict.fromkeys(("userid", "customerid", "contactid", "recordid", "externalid"), "User.UserId"),
    **dict.fromkeys(("channel", "type"), "ChannelType"),
    **dict.fromkeys(("optedout", "unsubscribed"), "OptOut (ALL or NONE)"),
    **dict.fromkeys(("town",), "Location.City"),
    **dict.fromkeys(("countrycode", "countryregion"), "Location.Country"),
    **dict.fromkeys(("zip", "zipcode", "postcode"), "Location.PostalCode"),
    **dict.fromkeys(("state", "province", "stateregion"), "Location.Region"),
    **dict.fromkeys(("language", "preferredlanguage"), "Demographic.Locale"),
}


def meant_column(name: str, columns: Iterable[str]) -> str | None:
    """Return the column that an unknown name is likely to mean, or None.

    Args:
        columns: the column names of an import, without attributes.
    """
    word = re.sub(r"[^a-z0-9]", "", name.lower())
    # An endpoint has one Address column: "Email 2" and "Other Phone" are close to no column.
    if word in _MEANT:
        return _MEANT[word]
    known = {column.lower(): column for column in columns}
    known |= {column.rpartition(".")[2].lower(): column for column in known.values()}
    for text in (name.lower(), word):
        near = get_close_matches(text, known, n=1, cutoff=0.75)
        if near:
            return known[near[0]]
    return None
