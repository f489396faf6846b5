"""What an address does that is not about pictures, to be described."""

from __future__ import annotations

from dataclasses import dataclass

from irs_engine.server.openapi.schemas import Schema

IDENTITY, MANAGEMENT, BUSINESS, STATISTICS, ALBUM, HEALTH = (
    "Identity",
    "Management",
    "Services and bills",
    "Statistics",
    "Album",
    "Health",
)
TAGS = {
    IDENTITY: "Tokens and projects, in the shapes of the cloud's identity service.",
    MANAGEMENT: "Sessions, users, groups and access keys of the account.",
    BUSINESS: "What is subscribed, left and paid. Changes need the permission Administrator.",
    STATISTICS: "How many calls there were, by minute and by month.",
    ALBUM: "The photos of whoever runs this server, for users of their account, if `album` is set.",
    HEALTH: "For machines that watch this one; without authentication.",
}


@dataclass(frozen=True)
class Endpoint:
    """A method of an address.

    Args:
        body, answer: Schemas of JSON; None: there is none.
        query: Optional parameters of the query, with their schemas.
        open: Nobody needs to be known.
        answers_in: The content type of an answer that is no JSON; "image/*": whatever the picture is.
        form: The body may also be a form with a file.
    """

    tag: str
    summary: str
    answer: Schema | None = None
    body: Schema | None = None
    query: dict[str, Schema] | None = None
    status: int = 200
    open: bool = False
    answers_in: str = ""
    form: bool = False
