"""Logs without signatures: urllib3 logs whole URLs, and those of some archives hold secrets."""

from __future__ import annotations

import logging
import re

from eocene.archive.fetch.urls import hide_secrets

_QUERY = re.compile(r"\?\S+")


class _Quiet(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        """Take secrets out of what a record tells; it is logged all the same."""
        if isinstance(record.args, tuple):
            record.args = tuple(
                _QUERY.sub(lambda found: "?" + hide_secrets(found[0][1:]), part)
                if isinstance(part, str)
                else part
                for part in record.args
            )
        return True


def quiet_logs() -> None:
    """Keep secrets out of the log of urllib3."""
    logger = logging.getLogger("urllib3.connectionpool")
    if not any(isinstance(one, _Quiet) for one in logger.filters):
        logger.addFilter(_Quiet())
