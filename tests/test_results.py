import json
from dataclasses import FrozenInstanceError

import pytest

from irs_engine.results import Box, Category, Instance, Tag, TaggingResult

ANIMAL = Category("animal", "animal", "动物")
CAT = Tag("n02121620", "猫", "cat", "猫", "object", ANIMAL, 97.5, (Instance(Box(1, 2, 30, 40), 92.0),))
RESULT = TaggingResult((CAT,), (640, 480))


def test_to_dict_is_plain():
    assert RESULT.to_dict() == {
        "tags": [
            {
                "id": "n02121620",
                "name": "猫",
                "en": "cat",
                "zh": "猫",
                "kind": "object",
                "category": {"id": "animal", "en": "animal", "zh": "动物"},
                "confidence": 97.5,
                "instances": [{"box": {"left": 1, "top": 2, "width": 30, "height": 40}, "confidence": 92.0}],
            }
        ],
        "size": [640, 480],
    }


def test_to_json_is_one_readable_line():
    text = RESULT.to_json()
    assert json.loads(text) == RESULT.to_dict()
    assert "猫" in text and "\n" not in text


def test_results_are_frozen():
    with pytest.raises(FrozenInstanceError):
        CAT.confidence = 1  # type: ignore[misc]
    assert len({RESULT, TaggingResult((CAT,), (640, 480))}) == 1
