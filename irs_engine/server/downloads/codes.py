"""Codes of downloads that the second generation of APIs has, beside those of `errors.CODES`."""

from irs_engine.server.errors import CODES

for code, text in {
    "ModelArts.4601": "The external URL is invalid.",
    "ModelArts.4603": "The file failed to be downloaded from the external URL.",
}.items():
    CODES.setdefault(code, (400, text))
