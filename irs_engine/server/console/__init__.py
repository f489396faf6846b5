"""The console: one page that the program serves itself, on the same APIs that everybody uses."""

from irs_engine.server.console.pages import routes as routes
