"""Pictures by URL: from the internet, safely, and from folders that stand for the cloud's object storage."""

from irs_engine.server.downloads.fetch import Downloads

__all__ = ["Downloads"]
