"""What nobody should send: values, bodies, headers and paths, each of which has broken some server."""

ODD_VALUES = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, -(2**64), 10**400, 1.5, -0.0, 1e308),
    *("", " ", "\0", "0", "-1", "1.5", "1e999", "NaN", "Infinity", "0x10", "１", "true", "zh", "en\0"),
    *("\ud800", "\U0001f408", "\u202e", "é" * 3000, "x" * 100_000, "../../etc/passwd", "' OR 1=1 --"),
    *("${7*7}", "<script>", [], {}, [[]], [None] * 1000, {"": ""}, {"a": {"b": {"c": []}}}, ["recapture"]),
    *(["recapture", 1], [["recapture"]], "['recapture', 'x']"),
)

ODD_TEXTS = (  # bodies that are no JSON, or more than people write
    *(b"", b"null", b"[]", b'"', b"{", b"}", b"{}", b"[" * 100_000, b'{"a":' * 50_000, b"NaN"),
    *(b'{"threshold": NaN}', b'{"threshold": -Infinity}', b'{"threshold": 1e999}'),
    *(b'{"limit": ' + b"9" * 100_000 + b"}", b"\xff\xfe{\0}\0", b"\xef\xbb\xbf{}", b'{"image": "\xff"}'),
    *(b'{"a": 1,}', b"{'a': 1}", b"\0" * 100, b'{"image": "\\ud800"}', b'{"image": "\\u00"}', b'{"a": 1} x'),
    *(b"<?xml version='1.0'?><a/>", b"a=b&c=d", b"9" * 6000, b'{"image": "", "image": {}}'),
)

_SDK = b"SDK-HMAC-SHA256 "
ODD_HEADERS = {
    b"Content-Type": (
        *(b"", b"application/json; charset=utf-7", b"APPLICATION/JSON;charset=UTF-8", b"application/json;"),
        *(
            b"json",
            b"text/plain",
            b"application/json, text/html",
            b"multipart/form-data",
            b"*/*",
            b"\xff\xfe",
        ),
        *(b"multipart/form-data; boundary=", b"multipart/form-data; boundary=" + b"x" * 5000),
        *(b'multipart/form-data; boundary="a\\"b"', b"multipart/mixed; boundary=line"),
        *(b"application/x-www-form-urlencoded", b"application/json\t"),
    ),
    b"X-Auth-Token": (b"", b"x", b"x" * 5000, b"\xff\xff", b"' OR 1=1 --", b"MIIE" * 400, b"a b", b"a,b"),
    b"Authorization": (
        *(b"", b"Basic YTpi", b"Bearer x", _SDK, _SDK + b"Access=, SignedHeaders=, Signature="),
        _SDK + b"Access=AK, SignedHeaders=host, Signature=" + b"0" * 64,
        *(_SDK + b"," * 5000, _SDK + b"Access=\xff, SignedHeaders=host;x-sdk-date, Signature=zz"),
        _SDK + b"Credential=AK/1/2/3, SignedHeaders=host;host;host;x-sdk-date, Signature=" + b"f" * 64,
        b"V11-HMAC-SHA256 Access=a",
    ),
    b"X-Sdk-Date": (b"", b"now", b"20261129T120000Z", b"99999999T999999Z", b"20260230T000000Z", b"\xff"),
    b"X-Sdk-Content-Sha256": (b"UNSIGNED-PAYLOAD", b"0" * 64),
    b"Host": (b"", b"evil.example", b"127.0.0.1:99999", b"[::1", b"localhost:", b"\xff", b"a" * 3000, b"@"),
    b"Cookie": (b"session=\xff; irs=1; =; a=" + b"b" * 4000,),
    b"X-CSRF-Token": (b"x",),
    b"X-Request-Id": (b"\xff", b"x" * 5000, b"a b", b"ok-1"),
    b"X-Project-Id": (b"other", b"\xff", b""),
    b"Expect": (b"100-continue", b"magic"),
    b"Range": (b"bytes=0-,5-1",),
    b"Accept-Encoding": (b"gzip, br, *;q=0",),
    b"If-Match": (b"*",),
    b"Content-Encoding": (b"gzip",),
    b"Connection": (b"close, x-auth-token", b"upgrade"),
    b"Upgrade": (b"websocket", b"h2c"),
    b"X-Forwarded-For": (b"1.2.3.4",),
    b"X-Forwarded-Host": (b"evil.example",),
    b"X-HTTP-Method-Override": (b"DELETE",),
    b"Origin": (b"null", b"http://evil.example"),
    b"Transfer-Encoding": (b"chunked", b"gzip, chunked", b"x"),
    b"Content-Length": (b"-1", b"1e3", b"9" * 30, b"0", b"5"),
    b"X-Odd Name": (b"x",),
    b"X-Long": (b"y" * 70_000,),
    b"X-Null": (b"a\0b",),
    b"": (b"x",),
}

ODD_TARGETS = (
    *(b"*", b"", b"/\xff\xfe", b"/%ff%fe", b"http://127.0.0.1/v1.0/image/tagging", b"//v1.0/image/tagging"),
    *(b"/v1.0/../v1.0/image/tagging", b"/v1.0/image/tagging/", b"/v1.0/image/tagging%00"),
    *(b"/%2e%2e/%2e%2e/etc/passwd", b"/static/../../../etc/passwd", b"/static/%2e%2e/%2e%2e/app.py"),
    *(b"/v2/%2f/image/tagging", b"/v2//image/tagging", b"/v2/" + b"x" * 5000 + b"/image/tagging"),
    *(b"/v2/%C3%A9/image/tagging", b"/" + b"a/" * 3000, b"/?" + b"a=b&" * 3000, b"/irs/v1/users/%00"),
    *(b"/irs/v1/users/../accounts", b"/irs/v1/usage?month=%00", b"/irs/v1/usage?month=9999999-99"),
    *(b"/irs/v1/usage?month=0000-00", b"/irs/v1/bills?month=2026-13", b"/irs/v1/bills?month=9999-12"),
    *(b"/irs/v1/metrics?from=-1&to=99999999999999999999&period=0", b"/irs/v1/metrics?from=NaN"),
    *(b"/irs/v1/metrics?from=0&to=4000000000000&period=1", b"/irs/v1/metrics?from=1e999&to=x"),
    *(
        b"/irs/v1/packages/99999999999999999999",
        b"/v3/projects?name=%ff",
        b"/v3/projects?name=" + b"a" * 5000,
    ),
    *(
        b"/v3/projects?name=%00",
        b"/irs/v1/keys?user_id=%00",
        b"/irs/v1/users/%F0%9F%90%88",
        b"/V1.0//metric-data",
    ),
    *(
        b"/reference",
        b"/livez",
        b"/readyz",
        b"/metrics",
        b"/docs",
        b"/.env",
        b"/.git/config",
        b"/openapi.json",
    ),
)

METHODS = (b"GET", b"HEAD", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"TRACE", b"CONNECT", b"PROPFIND", b"X")
VERSIONS = (b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"HTTP", b"")
