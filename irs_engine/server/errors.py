"""The service's error codes: what each means, and with which status it is answered.

Texts are those of the API reference, chapter 7.2. Where that lists 400 although its chapter 7.1 and the real
gateway say otherwise (401, 404, 413, 429), the gateway is followed, unless `Settings.legacy_status_400`.
"""

from __future__ import annotations

from collections.abc import Mapping

from irs_engine.errors import (
    ImageDataError,
    ImageError,
    ImageFormatError,
    ImageSizeError,
    IrsError,
    MediaError,
    MediaFormatError,
    MissingExtra,
    ParameterError,
)

CODES: dict[str, tuple[int, str]] = {
    "AIS.0004": (400, "The request is unauthorized."),
    "AIS.0005": (400, "The service does not exist."),
    "AIS.0007": (400, "The service has not been enabled yet."),
    "AIS.0010": (400, "The header is missing or left empty."),
    "AIS.0011": (400, "The request parameter is missing or left empty."),
    "AIS.0012": (400, "The request parameter is not supported."),
    "AIS.0013": (405, "The request method is not allowed."),
    "AIS.0014": (400, "The JSON format of the input data is incorrect."),
    "AIS.0015": (400, "Base64 decoding of the input data is incorrect."),
    "AIS.0020": (400, "The size of the request body exceeds the upper limit."),
    "AIS.0021": (400, "The requested file type is not supported."),
    "AIS.0022": (400, "The URL is invalid."),
    "AIS.0023": (400, "The file stored on OBS is oversized."),
    "AIS.0024": (
        400,
        "Failed to obtain the file from OBS. The signature has expired or fails to pass the authentication.",
    ),
    "AIS.0025": (400, "The file stored on OBS is empty."),
    "AIS.0026": (400, "The token type is incorrect. The token of the project type must be used."),
    "AIS.0027": (400, "The account has been frozen."),
    "AIS.0029": (
        400,
        "Failed to download the file from the Internet. "
        "Check whether the URL of the file is correct and supported.",
    ),
    "AIS.0032": (
        400,
        "The monthly free calls have been used up. To continue to use the service, top up your account.",
    ),
    "AIS.0105": (400, "Recognize Failed."),
    "AIS.0203": (400, "The input parameter does not meet the requirements."),
    "AIS.0204": (400, "The color depth is not supported."),
    "AIS.0502": (400, "The image format is not supported."),
    "AIS.0503": (400, "The image is damaged."),
    "AIS.0504": (400, "The image size does not meet requirements."),
    "AIS.0505": (400, "Failed to run the algorithm."),
    "AIP.0003": (401, "The request is unauthorized."),
    "AIP.0010": (400, "The parameter value is out of range."),
    "AIP.0011": (400, "The service has been subscribed to."),
    "AIP.0012": (400, "The input parameter is incorrect."),
    "AIP.0014": (400, "The data already exists."),
    "AIP.0015": (400, "The service has not been subscribed to."),
    "AIP.0018": (400, "Failed to obtain the agency."),
    "AIP.0500": (500, "Failed to complete the request because of an internal service error."),
    "APIG.0101": (404, "The API does not exist or has not been published."),
    "APIG.0201": (413, "The request body is oversized."),
    "APIG.0301": (401, "Incorrect IAM authentication information."),
    "APIG.0308": (429, "The request is sent too fast and exceeds the default rate limit of the service."),
    "ModelArts.4203": (403, "No access permission."),
    "ModelArts.4204": (400, "The API is not subscribed to."),
    "ModelArts.4601": (400, "The external URL is invalid."),
    "ModelArts.4603": (400, "The file failed to be downloaded from the external URL."),
    "ModelArts.4702": (400, "The OBS agency failed to be queried."),
    "ModelArts.4703": (400, "The OBS URL is invalid."),
    "ModelArts.4704": (400, "Failed to obtain the OBS file."),
    "ModelArts.4706": (400, "The OBS file does not exist."),
}


class ServiceError(IrsError):
    """An answer with one of CODES.

    Args:
        code: One of CODES.
        detail: What was given and what is accepted, for people; goes beside the service's own text. It never
            tells of paths, addresses or secrets.
        headers: More headers of the answer.
    """

    def __init__(self, code: str, detail: str = "", headers: Mapping[str, str] | None = None):
        self.status, self.message = CODES[code]
        self.code, self.detail, self.headers = code, detail, dict(headers or {})
        super().__init__(code, detail)

    def __str__(self) -> str:
        return f"{self.code} {self.message}" + (f" ({self.detail})" if self.detail else "")

    def body(self, request_id: str) -> dict[str, str]:
        found = {"error_code": self.code, "error_msg": self.message, "request_id": request_id}
        return found | ({"detail": self.detail} if self.detail else {})


def from_engine(error: IrsError, failed: str) -> ServiceError:
    """What an error of the engine is to the service.

    Args:
        failed: The code when it is the algorithm that failed.
    """
    if isinstance(error, ServiceError):
        return error
    kinds = (
        (ImageFormatError, "AIS.0502"),
        (ImageDataError, "AIS.0503"),
        (ImageSizeError, "AIS.0504"),
        (ImageError, "AIS.0503"),
        (ParameterError, "AIS.0203"),
        (MediaFormatError, "AIS.0021"),
        (MediaError, failed),
        (MissingExtra, "AIS.0007"),
    )
    for kind, code in kinds:
        if isinstance(error, kind):
            return ServiceError(code, str(error))
    return ServiceError(failed)
