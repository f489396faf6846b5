"""What is signed, against the SDK's own signer, for whatever a program may ask for."""

import hashlib
from urllib.parse import quote

import requests
from hypothesis import assume, given
from hypothesis import strategies as st
from identity_service import sign

from irs_engine.server.identity.keys import Key
from irs_engine.server.identity.signature import (
    EMPTY_HASH,
    SignatureError,
    canonical_path,
    canonical_queries,
    read_signature,
)

KEY = Key("AK", "user", "user", True, 0.0, "secret")
HOST = "127.0.0.1:8443"
text = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
segments = text.map(lambda part: quote(part, safe="")).filter(lambda part: part not in (".", ".."))
paths = st.lists(segments, max_size=4).map(lambda parts: "/" + "/".join(parts))
values = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_categories=["Cc", "Zs"]))
names = st.from_regex(r"X-[A-Za-z0-9-]{1,8}", fullmatch=True).filter(
    lambda name: name.lower() != "x-sdk-date"
)
headers = st.dictionaries(names, values, max_size=4).filter(lambda d: len({k.lower() for k in d}) == len(d))


def over_the_wire(method, path, query, headers, body):
    """The request as the SDK's HTTP library sends it: path, query and headers as a server receives them."""
    signed, uri = sign(KEY, method, HOST, path, query, headers, body)
    sent = requests.Request(method, f"http://{HOST}{uri}").prepare().path_url
    raw_path, _, raw_query = sent.encode("ascii").partition(b"?")
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in signed.items()]
    return method, raw_path, raw_query, raw


@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    path=paths,
    query=st.lists(st.tuples(text, text), max_size=4),
    headers=headers,
    body=st.binary(max_size=40),
)
def test_whatever_the_sdk_signs_is_accepted(method, path, query, headers, body):
    # An empty name alone, "?=", is no parameter to anybody, and two slashes at the start are a host.
    assume(not path.startswith("//"))
    method, raw_path, raw_query, raw = over_the_wire(method, path, query, headers, body)
    found = read_signature(method, raw_path, raw_query, raw)
    assert found.access_key == KEY.ak
    assert found.covers(KEY.sk, hashlib.sha256(body).hexdigest())
    assert not found.covers(KEY.sk, hashlib.sha256(body + b"x").hexdigest())
    assert not found.covers(KEY.sk + "x", hashlib.sha256(body).hexdigest())


@given(path=paths, query=st.lists(st.tuples(text, text), min_size=1, max_size=3), data=st.data())
def test_whatever_is_changed_on_the_way_is_refused(path, query, data):
    assume(not path.startswith("//"))
    method, raw_path, raw_query, raw = over_the_wire("GET", path, query, {"X-Kept": "value"}, b"")
    where = data.draw(st.sampled_from(["method", "path", "query", "header"]))
    if where == "method":
        method = "POST"
    elif where == "path":
        raw_path += b"/a"
    elif where == "query":
        raw_query += b"&added=1"
    else:
        index = data.draw(st.integers(0, len(raw) - 1))
        assume(raw[index][0] not in (b"authorization", b"x-sdk-date"))
        raw[index] = (raw[index][0], raw[index][1] + b"x")
    assert not read_signature(method, raw_path, raw_query, raw).covers(KEY.sk, EMPTY_HASH)


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_bytes_are_a_path_and_a_query(path, query):
    assert canonical_path(path).endswith(b"/")
    found = canonical_queries(query)
    assert 1 <= len(found) <= 4 and len(set(found)) == len(found)


def test_one_path_has_one_form():
    """Encoded or not, it is the same to whoever reads it, and is signed alike."""
    assert canonical_path(b"/a%20b/%c3%bc%2fc") == canonical_path(b"/a b/\xc3\xbc/c/") == b"/a%20b/%C3%BC/c/"
    assert canonical_path(b"/~-_.") == b"/~-_./"


def test_a_space_is_a_space_in_a_query():
    assert canonical_queries(b"a=1+2") == canonical_queries(b"a=1%202") == (b"a=1%202",)
    assert canonical_queries(b"a=1%2B2") == (b"a=1%2B2",)


def test_both_orders_and_both_ways_with_empty_values():
    assert canonical_queries(b"a/=1&a-=&b") == (
        b"a%2F=1&a-=&b=",
        b"a-=&a%2F=1&b=",
        b"a%2F=1&a-&b",
        b"a-&a%2F=1&b",
    )
    assert canonical_queries(b"&&") == (b"",)


def test_several_headers_of_a_name_are_one():
    signed, _ = sign(KEY, "GET", HOST, "/", headers={"X-Many": "a,b"})
    raw = [(name.lower().encode(), value.encode()) for name, value in signed.items() if name != "X-Many"]
    found = read_signature("GET", b"/", b"", [*raw, (b"x-many", b" a"), (b"x-many", b"b ")])
    assert found.covers(KEY.sk, EMPTY_HASH)


lines = st.one_of(
    st.binary(max_size=80),
    st.builds(
        lambda ak, names, signature: (
            b"SDK-HMAC-SHA256 Access=%b, SignedHeaders=%b, Signature=%b" % (ak, names, signature)
        ),
        st.binary(max_size=8),
        st.sampled_from(
            [b"host;x-sdk-date", b"x-sdk-date", b"host;host", b";", b"\xff;x-sdk-date", b"HOST;X-Sdk-Date"]
        ),
        st.sampled_from([b"0" * 64, b"F" * 64, b"0" * 63, b"\xb2" * 64]),
    ),
)


@given(
    authorization=st.lists(lines, max_size=2),
    date=st.one_of(st.binary(max_size=20), st.from_regex(rb"[0-9]{8}T[0-9]{6}Z", fullmatch=True)),
    payload=st.one_of(st.none(), st.binary(max_size=70), st.just(b"UNSIGNED-PAYLOAD")),
)
def test_anything_else_is_refused_and_nothing_worse(authorization, date, payload):
    raw = [(b"host", b"h"), (b"x-sdk-date", date), *((b"authorization", line) for line in authorization)]
    raw += [(b"x-sdk-content-sha256", payload)] if payload is not None else []
    try:
        found = read_signature("POST", b"/", b"", raw)
    except SignatureError as error:
        assert str(error)
    else:
        assert found.seconds and not found.covers(KEY.sk, EMPTY_HASH)
