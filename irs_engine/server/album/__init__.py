"""The album of whoever runs this server, to be searched and looked at: an extra, not of the cloud."""

from irs_engine.server.album.routes import routes
from irs_engine.server.album.shared import SharedAlbum

__all__ = ["SharedAlbum", "routes"]
