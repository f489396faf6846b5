"""What clients really send, and what nobody should: all of it is read or refused with the right code."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from irs_engine.server.apis import APIS, BASE64_CHARACTERS, BY_NAME, FILE_BYTES
from irs_engine.server.body import decode_base64, read
from irs_engine.server.errors import ServiceError

V1, V2, RECAPTURE = (BY_NAME[name] for name in ("image-tagging-v1", "image-tagging", "recapture-detect"))
DEFOG, SUPER = BY_NAME["defog"], BY_NAME["super-resolution"]
IMAGE = base64.b64encode(b"picture").decode()


def asked(api, strict=False, **values):
    return read(api, "application/json;charset=UTF-8", json.dumps({"image": IMAGE} | values).encode(), strict)


def refused(api, body, content_type="application/json", strict=False):
    with pytest.raises(ServiceError) as caught:
        read(api, content_type, body, strict)
    return caught.value.code


def form(*parts):
    """The content type of multipart/form-data, and (name, value) or (name, filename, bytes) in it."""
    lines = b""
    for name, *rest in parts:
        file = f'; filename="{rest[0]}"' if len(rest) == 2 else ""
        value = rest[-1] if isinstance(rest[-1], bytes) else rest[-1].encode()
        lines += f'--line\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode()
        lines += value + b"\r\n"
    return "multipart/form-data; boundary=line", lines + b"--line--\r\n"


@pytest.mark.parametrize("api", APIS[:-1], ids=lambda api: api.name)
def test_what_is_not_given_is_the_default_of_the_reference(api):
    expected = {
        "image-tagging": {"language": "zh", "threshold": 60, "limit": 50},
        "image-tagging-v1": {"language": "zh", "threshold": 0, "limit": 30},
        "recapture-detect": {"threshold": 0.95},
        "dark-enhance": {"brightness": 0.9},
        "defog": {"gamma": 1.5, "natural_look": True},
        "super-resolution": {"scale": 3, "model": "ESPCN"},
    }[api.name]
    nothing = {p.name: None for p in api.parameters}
    empty = {p.name: "" for p in api.parameters}
    for given_values in ({}, nothing, empty):
        found = asked(api, **given_values)
        assert found.options == expected and found.data == b"picture" and not found.form


def test_quirks_of_old_clients():
    assert asked(V1, limit=-1, url="", unknown={"x": 1}).options["limit"] == 30
    assert asked(V1, limit="5", threshold="12.5").options == {"language": "zh", "threshold": 12.5, "limit": 5}
    assert asked(V1, limit=5.0).options["limit"] == 5
    assert asked(DEFOG, gamma="1.5", natural_look="false", file="").options == {
        "gamma": 1.5,
        "natural_look": False,
    }
    for scene in (None, [], ["recapture"], "recapture", "['recapture']", '["recapture"]', ""):
        assert asked(RECAPTURE, scene=scene).options == {"threshold": 0.95}
    chunked = "\r\n".join(IMAGE[i : i + 4] for i in range(0, len(IMAGE), 4)) + "\r\n"
    assert asked(V1, image=chunked).data == b"picture"
    with_mark = b"\xef\xbb\xbf" + json.dumps({"image": IMAGE}).encode()
    assert read(V1, "Application/JSON", with_mark).data == b"picture"


def test_an_image_wins_over_a_url():
    assert asked(V2, url="http://a.example/b.jpg").data == b"picture"
    found = asked(V2, image="", url=" http://a.example/b.jpg ")
    assert found.data is None and found.url == "http://a.example/b.jpg"


def test_out_of_range_is_the_default_or_refused():
    for value in (-1, 101, 1e400, "-5"):
        assert asked(V1, threshold=value if value != 1e400 else "1e400").options["threshold"] == 0
    for api, name, value in ((V1, "limit", "Infinity"), (V2, "limit", "1e999"), (DEFOG, "gamma", "-inf")):
        default = asked(api).options[name]
        assert asked(api, **{name: value}).options[name] == default
    assert asked(V2, limit=0).options["limit"] == asked(V2, limit=151).options["limit"] == 50
    assert asked(RECAPTURE, strict=True, threshold=1.5).options["threshold"] == 0.95  # the reference says so
    for api, values in ((V2, {"limit": 151}), (V2, {"threshold": 100.1}), (DEFOG, {"gamma": 0})):
        assert refused(api, json.dumps({"image": IMAGE} | values).encode(), strict=True) == "AIS.0203"
    assert asked(V2, strict=True, limit=-1).options["limit"] == 50
    for scale in (2, 5, 3.5, "big", "Infinity"):
        assert refused(SUPER, json.dumps({"image": IMAGE, "scale": scale}).encode()) == "AIS.0203"
    assert asked(SUPER, scale="4").options["scale"] == 4


@pytest.mark.parametrize(
    ("api", "values", "code"),
    [
        (V1, {"limit": "many"}, "AIS.0203"),
        (V1, {"limit": 2.5}, "AIS.0203"),
        (V1, {"limit": True}, "AIS.0203"),
        (V1, {"threshold": [1]}, "AIS.0203"),
        (V1, {"threshold": "nan"}, "AIS.0203"),
        (V1, {"language": "fr"}, "AIS.0203"),
        (V1, {"language": 7}, "AIS.0203"),
        (SUPER, {"model": "X"}, "AIS.0203"),
        (DEFOG, {"natural_look": "maybe"}, "AIS.0203"),
        (DEFOG, {"natural_look": 2}, "AIS.0203"),
        (RECAPTURE, {"scene": ["x"]}, "AIS.0012"),
        (RECAPTURE, {"scene": {"recapture": 1}}, "AIS.0012"),
        (V1, {"image": 7}, "AIS.0203"),
        (V1, {"image": "", "url": ["a"]}, "AIS.0203"),
        (V1, {"image": ""}, "AIS.0011"),
        (V1, {"image": None, "url": ""}, "AIS.0011"),
        (DEFOG, {"image": "", "url": "http://a.example/b.jpg"}, "AIS.0011"),
        (V1, {"image": "pictur*"}, "AIS.0015"),
        (V1, {"image": IMAGE[:-1]}, "AIS.0015"),
        (V1, {"image": "图片"}, "AIS.0015"),
        (V1, {"image": "data:image/png;base64," + IMAGE}, "AIS.0015"),
    ],
)
def test_wrong_values_have_their_code(api, values, code):
    assert refused(api, json.dumps({"image": IMAGE} | values).encode()) == code


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"image"',
        b'{"image": NaN}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"limit": ' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_no_json_object_is_refused(body):
    assert refused(V1, body) == "AIS.0014"


def test_content_types():
    body = json.dumps({"image": IMAGE}).encode()
    for wrong in ("", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        assert refused(V1, body, wrong) == "AIS.0010"
    assert refused(DEFOG, body, "multipart/form-data") == "AIS.0010"


def test_base64_has_ten_megabytes_without_its_line_breaks():
    most = "A" * BASE64_CHARACTERS
    assert len(
        decode_base64(most[: BASE64_CHARACTERS // 2] + "\n" * 99 + most[BASE64_CHARACTERS // 2 :])
    ) == (FILE_BYTES)
    with pytest.raises(ServiceError, match=r"AIS\.0020"):
        decode_base64(most + "AAAA")


def test_forms():
    picture = bytes(range(256)) * 20
    found = read(DEFOG, *form(("gamma", "2"), ("natural_look", "0"), ("file", "a.jpg", picture)))
    assert found.data == picture and found.form
    assert found.options == {"gamma": 2.0, "natural_look": False}
    text = read(DEFOG, *form(("image", IMAGE)))
    assert text.data == b"picture" and not text.form
    big = read(DEFOG, *form(("file", "a.bmp", b"B" * FILE_BYTES)))
    assert len(big.data) == FILE_BYTES
    kind, body = form(("file", "a.bmp", b"B" * (FILE_BYTES + 1)))
    assert refused(DEFOG, body, kind) == "AIS.0020"
    for parts in ((), (("gamma", "2"),), (("file", "a.jpg", b""),), (("other", "a.jpg", picture),)):
        kind, body = form(*parts)
        assert refused(DEFOG, body, kind) == "AIS.0011"
    kind, body = form(*((f"field{n}", "x") for n in range(40)))
    assert refused(DEFOG, body, kind) == "AIS.0203"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = ("image", "url", "scene", "file", *{p.name for api in APIS for p in api.parameters})


@given(st.sampled_from(APIS), st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6), st.booleans())
def test_any_json_is_read_or_refused(api, values, strict):
    try:
        found = read(api, "application/json", json.dumps(values).encode(), strict)
    except ServiceError as error:
        assert error.code in {"AIS.0011", "AIS.0012", "AIS.0014", "AIS.0015", "AIS.0020", "AIS.0203"}
    else:
        for parameter in api.parameters:
            value = found.options[parameter.name]
            assert type(value) is parameter.type and parameter.check(value) == value


@given(st.binary(max_size=300), st.sampled_from(["line", "", "--", "x" * 80]))
def test_any_form_is_read_or_refused(body, boundary):
    try:
        read(DEFOG, f"multipart/form-data; boundary={boundary}", body)
    except ServiceError:
        pass


PIECES = (
    *(b"--line", b"\r\n", b"--", b"Content-Disposition: form-data; name=", b'"file"'),
    *(b"; filename=x", b"Content-Type: image/png", b"\r\n\r\n", b"data"),
)


@given(st.lists(st.sampled_from(PIECES), max_size=25))
def test_any_form_of_right_pieces_is_read_or_refused(pieces):
    try:
        read(DEFOG, "multipart/form-data; boundary=line", b"".join(pieces))
    except ServiceError:
        pass
