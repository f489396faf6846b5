"""URLs in normal form, or refused."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from irs_engine.server.downloads.url import LONGEST, Url, UrlError, parse


@pytest.mark.parametrize(
    "text, normal",
    [
        ("http://example.com", Url("http", "example.com", 80, "/", None)),
        ("HTTPS://Example.COM:443/A?b=C#d", Url("https", "example.com", 443, "/A", "b=C")),
        ("http://example.com?x", Url("http", "example.com", 80, "/", "x")),
        ("http://example.com./x", Url("http", "example.com", 80, "/x", None)),
        ("http://a_b-c.example/", Url("http", "a_b-c.example", 80, "/", None)),
        ("https://[2001:DB8:0::1]:8443/", Url("https", "2001:db8::1", 8443, "/", None)),
        ("http://[::ffff:127.0.0.1]/", Url("http", "::ffff:7f00:1", 80, "/", None)),
        ("http://127.0.0.1#@example.com:80@x/", Url("http", "127.0.0.1", 80, "/", None)),
        ("http://127.1/", Url("http", "127.1", 80, "/", None)),
        ("http://0x7f000001/", Url("http", "0x7f000001", 80, "/", None)),
        (
            "http://例え.jp/图片/猫.jpg?名=1",
            Url("http", "xn--r8jz45g.jp", 80, "/%E5%9B%BE%E7%89%87/%E7%8C%AB.jpg", "%E5%90%8D=1"),
        ),
        ("http://１２７.０.０.１/", Url("http", "127.0.0.1", 80, "/", None)),
        ("http://①②⑦。⓪。⓪。①/", Url("http", "127.0.0.1", 80, "/", None)),
        ("http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/", Url("http", "localhost", 80, "/", None)),
        ("http://a.example/x@y:z/%2e%2E/%zz", Url("http", "a.example", 80, "/x@y:z/%2e%2E/%zz", None)),
        ("http://a.example/?u=http://b/?c", Url("http", "a.example", 80, "/", "u=http://b/?c")),
        ('http://a.example/<"{}>', Url("http", "a.example", 80, "/%3C%22%7B%7D%3E", None)),
        ("http://a.example/" + "x" * (LONGEST - 17), Url("http", "a.example", 80, "/" + 2031 * "x", None)),
    ],
)
def test_normal_form(text, normal):
    assert parse(text) == normal
    assert parse(f"{normal.scheme}://{normal.authority}{normal.target}") == normal


@pytest.mark.parametrize(
    "text",
    [
        "", "example.com", "//example.com/", "http:example.com", "http:/example.com", "http:///example.com",
        "file:///etc/passwd", "ftp://example.com/", "gopher://127.0.0.1:6379/_INFO",
        "data:image/png;base64,AA", "javascript:alert(1)", "dict://127.0.0.1/", "unix:/run/docker.sock",
        "jar:http://a/!/b", "https+x://a/", "http://user@example.com/", "http://user:word@example.com/",
        "http://@example.com/", "http://example.com@127.0.0.1/", "http://a.example:80@b.example/",
        "http://example.com\\@127.0.0.1/", "http:\\\\example.com/", "http://a.example/\\..\\b",
        " http://example.com/", "http://example.com/ ", "http://exa mple.com/", "http://example.com/a b",
        "http://example.com/\t", "ht\ntp://example.com/", "http://exam\nple.com/",
        "http://127.0.0.1\r\nHost: x/", "http://example.com/\r\nX-Header:%20y", "http://example.com\0.evil/",
        "http://example.com/\x7f", "http://example.com/\x85", "http://example.com/\ud800", "http://",
        "http://:80/", "http://?", "http://#x", "http://.", "http://./", "http://..", "http://a..b/",
        "http://.example.com/", "http://example.com../", "http://-a.example/", "http://a-.example/",
        "http://a%2eexample/", "http://%31%32%37.0.0.1/", "http://a;b/", "http://a,b/", "http://a!b/",
        "http://a／b.example/", "http://a．．b/", "http://a＠b/", "http://a：80/", "http://℀.example/",
        "http://a\u200bb..c/", "http://xn--\u0661/", "http://" + "a" * 64 + ".example/",
        "http://" + "a." * 130 + "b/", "http://" + "ａ" * 300 + "/", "http://example.com:/",
        "http://example.com:0/", "http://example.com:65536/", "http://example.com:-1/",
        "http://example.com:080080/", "http://example.com:８０/", "http://example.com:80:80/",
        "http://example.com: 80/", "http://example.com:http/", "http://example.com:80a/", "http://[::1",
        "http://::1/", "http://[::1]x/", "http://[::1]:/", "http://[127.0.0.1]/", "http://[fe80::1%25lo]/",
        "http://[fe80::1%lo]/", "http://[v1.x]/", "http://[]/", "http://[::1]@a/", "http://[:::1]/",
        "http://a[::1]/", "http://[[::1]]/", "http://a.example/" + "x" * (LONGEST - 16),
    ],
)  # fmt: skip
def test_what_no_url_of_a_picture_is(text):
    with pytest.raises(UrlError) as caught:
        parse(text)
    assert str(caught.value)


@given(st.one_of(st.text(), st.from_regex(r"https?://[^/]{0,20}(/.*)?", fullmatch=True)))
@example("http://\u0130.example")
@example("http://xn--a")
@example("http://\u06dd")
def test_whatever_is_accepted_is_plain_and_stays_the_same(text):
    try:
        url = parse(text)
    except UrlError:
        return
    assert re.fullmatch(r"[a-z0-9_.-]+|[0-9a-f:.]+", url.host)
    assert re.fullmatch(r"/[!-~]*", url.target) and "#" not in url.target and "\\" not in url.target
    assert 1 <= url.port <= 65535
    assert parse(f"{url.scheme}://{url.authority}{url.target}") == url


def test_people_are_told_what_is_wrong():
    for text, word in {
        "http://user@example.com/": "user name",
        "ftp://example.com/": "https",
        "http://a b/": "spaces",
        "http://a..b/": "host",
        "http://a:0/": "port",
        "http://a/" + "x" * LONGEST: "2048",
    }.items():
        with pytest.raises(UrlError, match=word):
            parse(text)
