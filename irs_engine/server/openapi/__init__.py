"""What this service answers, for programs (/openapi.json) and for people (/reference)."""

from irs_engine.server.openapi.pages import routes as routes
from irs_engine.server.openapi.spec import document as document
