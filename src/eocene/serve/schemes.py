"""How a caller says who is calling, as OpenAPI writes it; who checks it stands in `eocene.serve.auth`.

Each is a dependency that does nothing but to be seen by FastAPI, which notes it with the operation.
"""

from __future__ import annotations

from fastapi.openapi.models import HTTPBase, HTTPBearer
from fastapi.openapi.models import SecurityBase as Model
from fastapi.security.base import SecurityBase

_BEARER = HTTPBearer(
    description="A token of /credentials/basic as `basic//TOKEN`, one of a provider of /credentials/oidc as "
    "`oidc/PROVIDER/TOKEN`, or either as it is; a personal token of /account/tokens as it is."
)


class Scheme(SecurityBase):
    """A way to log in, under the name that it has in the document."""

    def __init__(self, name: str, model: Model) -> None:
        self.scheme_name = name
        self.model = model

    async def __call__(self) -> None:
        """Ask for nothing."""


BEARER = Scheme("Bearer", _BEARER)
BASIC = Scheme("Basic", HTTPBase(scheme="basic"))
READING = Scheme("Reading", _BEARER)
"""A login where the operator closed the data."""

ANYONE = Scheme("Anyone", _BEARER)
"""A login for those who want to be known."""
