"""Outages: errors that mean that the database, the artifact store or the disk did not answer.

An outage is answered 503 and is never a refusal.
"""

from __future__ import annotations

from django.db import InterfaceError, OperationalError
from django.http.request import UnreadablePostError

from core.errors import Unavailable

# Seconds after which a call that was answered 503 may be tried again, in every interface of the web server.
RETRY_AFTER = "2"
# Clients of buckets, by module: they are installed only where a bucket is used.
_CLIENTS = ("botocore.", "urllib3.", "s3transfer.")


def is_outage(error: BaseException) -> bool:
    """Return whether something that this server needs did not answer.

    A missing file or a broken upload is no outage.
    """
    if isinstance(error, OperationalError | InterfaceError | Unavailable):
        return True
    if isinstance(error, FileNotFoundError | UnreadablePostError):
        return False
    return isinstance(error, OSError) or type(error).__module__.startswith(_CLIENTS)


def outage_message(error: BaseException) -> str:
    """Return the message for the caller."""
    if isinstance(error, Unavailable):
        return error.message
    if isinstance(error, OperationalError | InterfaceError):
        return "The database did not answer in time. Try again."
    return "The artifact store did not answer. Try again."


def raise_if_outage(error: BaseException) -> None:
    """Raise Unavailable where an error means that something did not answer."""
    if isinstance(error, Unavailable):
        raise error
    if is_outage(error):
        raise Unavailable(outage_message(error)) from error
