"""The answers have the types on the wire that the reference gives: clients hide wrong ones."""

import json

import pytest

from irs_engine.results import (
    Box,
    Category,
    Instance,
    RecaptureLabel,
    RecaptureResult,
    Tag,
    TaggingResult,
)
from irs_engine.server.answers import AsciiJSON, error_answer
from irs_engine.server.apis import APIS, SERVICES, recapture, tagging_v1, tagging_v2
from irs_engine.server.errors import CODES, ServiceError
from irs_engine.server.settings import Settings

ANIMAL = Category("animal", "Animal", "动物")
DOG = Tag(
    "n02084071",
    "狗",
    "dog",
    "狗",
    "object",
    ANIMAL,
    92.384,
    (Instance(Box(53, 254.25, 117.5, 133), 37.5),),
)
SKY = Tag("n09436708", "天空", "sky", "天空", "scene", Category("scene", "Scene", "场景"), 60.0)
TAGS = TaggingResult((DOG, SKY), (640, 480))


def sent(value):
    body = AsciiJSON({"result": value}).body
    assert body.isascii()
    return json.loads(body)["result"]


def test_tags_of_the_second_version():
    dog, sky = sent(tagging_v2(TAGS))["tags"]
    assert dog == {
        "confidence": "92.38",
        "type": "动物",
        "tag": "狗",
        "i18n_tag": {"zh": "狗", "en": "dog"},
        "i18n_type": {"zh": "动物", "en": "Animal"},
        "instances": [
            {
                "bounding_box": {"width": 117.5, "height": 133.0, "top_left_x": 53.0, "top_left_y": 254.25},
                "confidence": "37.50",
            }
        ],
    }
    assert all(type(side) is float for side in dog["instances"][0]["bounding_box"].values())
    assert sky["instances"] == [] and sky["confidence"] == "60.00"


def test_tags_of_the_first_version():
    dog, sky = sent(tagging_v1(TAGS))["tags"]
    assert dog == {
        "confidence": 92.38,
        "type": "object",
        "tag": "狗",
        "i18n_tag": {"zh": "狗", "en": "dog"},
    }
    assert type(sky["confidence"]) is float and sky["type"] == "scene"


def test_recapture():
    detail = (RecaptureLabel("recapture", 0.99984),)
    result = RecaptureResult("false", "recapture", 0.99984, detail, 0.9, 0.1, True, "", (), (640, 480))
    found = sent(recapture(result))
    assert found["suggestion"] == "false" and found["category"] == "recapture" and found["score"] == "0.9998"
    assert found["detail"] == [{"label": "recapture", "confidence": "0.9998"}]


def test_every_service_has_its_apis_and_codes():
    assert len(SERVICES) == 6
    paths = [path for api in APIS for path in api.paths]
    assert len(paths) == len(set(paths)) == 8
    for api in APIS:
        assert api.not_subscribed in CODES and api.failed in CODES
        assert set(api.defaulting | api.exact) <= {p.name for p in api.parameters}
        for parameter in api.parameters:
            assert parameter.check(parameter.default) == parameter.default


@pytest.mark.parametrize("code", CODES)
def test_errors_name_code_text_and_request(code):
    error = ServiceError(code, "what was given", headers={"Retry-After": "2"})
    answer = error_answer(error, {"state": {"request_id": "r1"}}, Settings())
    assert answer.status_code == CODES[code][0] >= 400 and answer.headers["retry-after"] == "2"
    body = json.loads(answer.body)
    assert body == {
        "error_code": code,
        "error_msg": CODES[code][1],
        "request_id": "r1",
        "detail": "what was given",
    }
    old = error_answer(error, {}, Settings(legacy_status_400=True))
    assert old.status_code == (CODES[code][0] if code.startswith("AIP.") else 400)
