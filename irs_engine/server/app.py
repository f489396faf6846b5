"""The application: every part made once, by `create_app(settings)`, and handed to those who need it."""

from __future__ import annotations

from dataclasses import dataclass

from irs_engine.engine import Engine
from irs_engine.server.settings import Settings
from irs_engine.server.store import Store


@dataclass(frozen=True)
class Parts:
    """What requests are answered with; `request.app.state.parts`."""

    settings: Settings
    store: Store
    engine: Engine
