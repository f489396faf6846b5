"""All the ways to say "this machine" in a URL."""

LOOPBACK = (  # what stands before the port
    "127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "127.000.000.001", "127.8.9.10", "2130706433",
    "017700000001", "0177.0.0.1", "0177.1", "0x7f000001", "0X7F000001", "0x7f.0.0.1", "0x7f.1",
    "0x7f.0x0.0x0.0x1", "127.0.0.0x1", "0", "0.0.0.0", "0x0", "0.0", "localhost", "LOCALHOST", "localhost.",
    "ip6-localhost", "１２７.０.０.１", "127。0。0。1", "①②⑦.⓪.⓪.①", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "ｌｏｃａｌｈｏｓｔ",
    "𝟏𝟐𝟕.𝟎.𝟎.𝟏", "127．0．0．1", "[::1]", "[0:0:0:0:0:0:0:1]", "[0000::0001]", "[::]", "[::ffff:127.0.0.1]",
    "[::FFFF:7f00:1]", "[::127.0.0.1]", "[::ffff:0:127.0.0.1]", "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::127.0.0.1]", "[2002:7f00:1::]", "[2002:7f00:0001::1]", "[2001:0:808:808::80ff:fffe]",
    "[2001:0:7f00:1::f7f7:f7f7]", "[fe80::5efe:127.0.0.1]", "[fe80::1]", "[fe80::1%25lo]", "[fe80::1%lo]",
    "[::1%25lo]", "[::1%lo]", "[2607:f8b0::5efe:127.0.0.1]",
)  # fmt: skip
TRICKS = (  # whole URLs, {port} being the listener's
    "http://example.com@127.0.0.1:{port}/", "http://example.com:80@127.0.0.1:{port}/",
    "http://:@127.0.0.1:{port}/", "http://user:word@localhost:{port}/",
    "http://127.0.0.1:{port}@example.com/", "http://a:b@[::1]:{port}/",
    "http://127.0.0.1:{port}\\@example.com/", "http://example.com\\@127.0.0.1:{port}/",
    "http:\\\\127.0.0.1:{port}\\", "http:/\\127.0.0.1:{port}/", "\\\\127.0.0.1:{port}\\x",
    "http://127.0.0.1:{port}#@example.com/", "http://127.0.0.1:{port}?@example.com/",
    "http:127.0.0.1:{port}/", "http:/127.0.0.1:{port}/", "http:///127.0.0.1:{port}/", "//127.0.0.1:{port}/",
    "127.0.0.1:{port}/", " http://127.0.0.1:{port}/", "http://127.0.0.1:{port}/ ",
    "http://127.0.0.1\t:{port}/", "h\tttp://127.0.0.1:{port}/", "http://127.0.\n0.1:{port}/",
    "http://127.0.0.1:{port}/\r\nX: y", "http://127.0.0.1%09:{port}/", "http://%31%32%37.0.0.1:{port}/",
    "http://127%2e0%2e0%2e1:{port}/", "http://127.0.0.1%00.example.com:{port}/",
    "http://127.0.0.1\0.example.com:{port}/", "http://127.0.0.1:{port}:80/", "http://[127.0.0.1]:{port}/",
    "http://[::1]x:{port}/", "http://[[::1]]:{port}/", "HTTP://127.0.0.1:{port}/",
    "hTTp://LocalHost:{port}/", "gopher://127.0.0.1:{port}/_GET%20/", "ftp://127.0.0.1:{port}/",
    "dict://127.0.0.1:{port}/", "ws://127.0.0.1:{port}/", "tftp://127.0.0.1:{port}/",
    "ldap://127.0.0.1:{port}/", "unix://127.0.0.1:{port}/", "file://127.0.0.1:{port}/etc/passwd",
    "url:http://127.0.0.1:{port}/", "http://127.0.0.1:{port}/" + "x" * 3000, "http://1２7.0.0.1:{port}/",
    "http://0x7f.0.0.①:{port}/",
)  # fmt: skip
