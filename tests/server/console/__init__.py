"""A package, so that its browser and its server end with it: no event loop runs beside a driven browser."""
