"""A package, so that its browser and its server end with it: while a browser is driven no event loop can run."""
