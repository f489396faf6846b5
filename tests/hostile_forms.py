"""Forms with files, as no program makes them."""

import base64
import os
import tempfile
from pathlib import Path

from hostile_pictures import pictures

PNG = pictures()["PNG"]
FILE = b'Content-Disposition: form-data; name="file"; filename="a.png"'
OUTSIDE = Path(tempfile.gettempdir(), "irs_hostile.png")  # where nothing is to be written
FIELD = b'Content-Disposition: form-data; name="f%d"'


def form(*parts, boundary=b"line", end=b"--line--\r\n"):
    lines = b"".join(b"--" + boundary + b"\r\n" + head + b"\r\n\r\n" + body + b"\r\n" for head, body in parts)
    return lines + end


ODD_FORMS = {
    "empty": b"",
    "only an end": b"--line--\r\n",
    "no parts": b"\r\n--line\r\n--line--",
    "another boundary": form((FILE, PNG), boundary=b"other"),
    "no end": form((FILE, PNG), end=b""),
    "cut in the file": form((FILE, PNG))[:200],
    "cut in the head": form((FILE, PNG))[:30],
    "only line feeds": form((FILE, PNG)).replace(b"\r\n", b"\n"),
    "no name": form((b"Content-Disposition: form-data", PNG)),
    "no disposition": form((b"Content-Type: image/png", PNG)),
    "no head": form((b"", PNG)),
    "no colon": form((b"Content-Disposition form-data", PNG)),
    "an attachment": form((b'Content-Disposition: attachment; name="file"; filename="a"', PNG)),
    "names of bytes": form((b'Content-Disposition: form-data; name="\xff\0"; filename="\xfe"', PNG)),
    "a name that leads out": form((FILE.replace(b"a.png", b"../../../.." + os.fsencode(OUTSIDE)), PNG)),
    "an endless head": form((b"X: " + b"y" * 500_000, PNG)),
    "ten thousand heads": form((b"\r\n".join([b"X: y"] * 10_000), PNG)),
    "ten thousand fields": form(
        *[(b'Content-Disposition: form-data; name="f%d"' % n, b"") for n in range(10_000)]
    ),
    "a thousand files": form(*[(FILE, PNG)] * 1000),
    "a file of nothing": form((FILE, b"")),
    "base64": form((FILE + b"\r\nContent-Transfer-Encoding: base64", base64.b64encode(PNG))),
    "quoted-printable": form((FILE + b"\r\nContent-Transfer-Encoding: quoted-printable", PNG)),
    "an odd encoding": form((FILE + b"\r\nContent-Transfer-Encoding: magic", PNG)),
    "a form in it": form((FILE, form((FILE, PNG)))),
    "boundaries all over": b"--line" * 100_000,
    "dashes": b"-" * 1_000_000,
    "line ends": b"\r\n" * 500_000,
    "a number of a million digits": form((FIELD.replace(b"f%d", b"gamma"), b"9" * 10**6)),
}

ODD_BOUNDARIES = (b"", b"x" * 300, b'"', b'""', b"\xff", b"a b", b"--", b"line\0", b"-" * 70)
