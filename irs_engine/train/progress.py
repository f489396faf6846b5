"""How a training says how far it is: lines that stay, and one that the next one replaces."""

from __future__ import annotations

import logging

log = logging.getLogger(__name__)


class Progress:
    """This one writes a log; `irs-engine train` shows people a terminal."""

    def line(self, text: str) -> None:
        """Something to keep, such as the figures of an epoch."""
        log.info(text)

    def passing(self, text: str) -> None:
        """Something to see for a moment: a count, a rate, the time that is left."""


def time_left(seconds: float) -> str:
    """In the words of somebody who waits."""
    if seconds < 90:
        return f"about {max(1, round(seconds))} s left"
    return f"about {round(seconds / 60)} min left" if seconds < 5400 else f"about {seconds / 3600:.1f} h left"
