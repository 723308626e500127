"""The one tree of errors.

::

    EoceneError                    every error this project raises on purpose
    ├── InputError            400  the request or graph is wrong
    │   ├── ProcessGraphInvalid, ProcessUnsupported, ProcessParameter…
    │   └── …
    ├── NotFoundError         404  the named thing does not exist
    ├── AccessError           401/403
    ├── StateError            400  the thing exists but is not in the needed state
    ├── ConflictError         409  it contradicts what is there already
    ├── UnavailableError      501  not built, or an extra is not installed
    └── DamageError           500  stored data cannot be read

Each carries the openEO error code, what was wrong and what to do about it.
Codes that openEO names are used as they are (source: openEO API 1.2.0, errors).
"""

from __future__ import annotations

LONGEST = 800
"""Characters of a message or remedy: what they quote was written by a stranger, and may be a megabyte."""


class EoceneError(Exception):
    """What was wrong, where, and what to do; a very long text is cut in its middle.

    Parameters
    ----------
    message : str
        What was wrong and where, in one sentence.
    remedy : str
        What the reader can do about it, in one sentence; may be empty.
    code : str
        The openEO error code; by default the one of the class.
    """

    code: str = "Internal"
    status: int = 500

    def __init__(self, message: str, remedy: str = "", *, code: str | None = None) -> None:
        self.message = _shorten(message)
        self.remedy = _shorten(remedy)
        if code is not None:
            self.code = code
        super().__init__(f"{self.message} {self.remedy}".strip())


def _shorten(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} … {text[-LONGEST // 3 :]}"


class InputError(EoceneError):
    """The request, the graph or a file given by the user is wrong."""

    code = "ProcessGraphInvalid"
    status = 400


class NotFoundError(EoceneError):
    """The named thing does not exist, or is not the caller's."""

    code = "NotFound"
    status = 404


class AuthenticationError(EoceneError):
    """No credentials were given."""

    code = "AuthenticationRequired"
    status = 401


class ForbiddenError(EoceneError):
    """Credentials were given but do not suffice."""

    code = "CredentialsInvalid"
    status = 403


class StateError(EoceneError):
    """The thing exists but is not in the state that the call needs."""

    code = "JobLocked"
    status = 400


class ConflictError(EoceneError):
    """What is asked for contradicts what is there: a name is taken, the last owner would leave."""

    code = "Conflict"
    status = 409


class UnavailableError(EoceneError):
    """The feature is not built, or the extra that brings it is not installed."""

    code = "FeatureUnsupported"
    status = 501


class DamageError(EoceneError):
    """Stored data cannot be read: truncated, corrupted or changed behind our back."""

    code = "StorageFailure"
    status = 500
