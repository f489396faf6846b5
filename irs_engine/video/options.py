"""What can be asked of the tagging of a video, beside what is asked of pictures."""

from __future__ import annotations

from irs_engine.registry import Parameter, Range

EVERY = Parameter(
    "every", float, 2.0, "Of a video: look again after so many seconds of one scene.", Range(0.1, 3600)
)
MOST = Parameter(
    "most", int, 600, "Of a video: look at so many of its frames, about, at most.", Range(1, 100_000)
)
