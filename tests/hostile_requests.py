"""Requests as nobody should send them: those that programs send, changed anywhere, down to the bytes."""

import base64
import http.client
import json
import socket
from dataclasses import dataclass, field, replace

from hostile_pictures import bombs, pictures
from hostile_words import METHODS, ODD_HEADERS, ODD_TARGETS, ODD_TEXTS, ODD_VALUES, VERSIONS
from loopback_urls import LOOPBACK

CALLS = {  # paths of APIs on pictures: what they take beside it
    "/v2/{project}/image/tagging": {"language": "en", "threshold": 20.5, "limit": 5},
    "/v1.0/image/tagging": {"language": "zh", "threshold": 0, "limit": -1},
    "/v1.0/image/recapture-detect": {"threshold": 0.95, "scene": ["recapture"]},
    "/v2/{project}/image/recapture-detect": {"threshold": "0.5", "scene": None},
    "/v1.0/vision/dark-enhance": {"brightness": 0.9},
    "/v1.0/vision/defog": {"gamma": "1.5", "natural_look": True},
    "/v1.0/vision/super-resolution": {"scale": 3, "model": "ESPCN"},
}
FORMS = [path for path in CALLS if "/vision/" in path]
OTHERS = [  # what else there is: method, path, body
    ("POST", "/v1.0/bgm/recognition", {"url": "http://10.0.0.1/a.mp4"}),
    ("POST", "/v3/auth/tokens", {"auth": {"identity": {"methods": ["password"], "password": {"user": {
        "name": "nobody", "password": "wrong", "domain": {"name": "nobody"}}}},
        "scope": {"project": {"name": "ap-southeast-1"}}}}),
    ("GET", "/v3/projects?name=ap-southeast-1&enabled=true", None),
    ("GET", "/v3/auth/domains", None),
    ("GET", "/irs/v1/me", None),
    ("GET", "/irs/v1/users", None),
    ("POST", "/irs/v1/users", {"name": "ann", "password": "Correct-Horse-9", "groups": []}),
    ("PATCH", "/irs/v1/users/0123456789abcdef0123456789abcdef", {"enabled": False}),
    ("POST", "/irs/v1/groups", {"name": "all", "permissions": ["Tenant Guest"]}),
    ("PUT", "/irs/v1/groups/0123456789abcdef0123456789abcdef/members/x", None),
    ("POST", "/irs/v1/keys", {"user_id": "0123456789abcdef0123456789abcdef"}),
    ("PATCH", "/irs/v1/keys/AKEXAMPLE", {"enabled": True}),
    ("POST", "/irs/v1/session", {"account": "a", "user": "b", "password": "c"}),
    ("POST", "/irs/v1/accounts", {"name": "acme", "password": "Correct-Horse-9"}),
    ("PATCH", "/irs/v1/accounts/0123456789abcdef0123456789abcdef", {"frozen": True}),
    ("PUT", "/irs/v1/me/password", {"old": "x", "new": "y", "password": "z"}),
    ("GET", "/irs/v1/services", None),
    ("POST", "/irs/v1/services/image-tagging/subscribe", None),
    ("PUT", "/irs/v1/obs-authorisation", {"authorised": True}),
    ("POST", "/irs/v1/packages", {"package": "small", "auto_renew": False}),
    ("PUT", "/irs/v1/packages/1", {"auto_renew": True}),
    ("POST", "/irs/v1/balance", {"account_id": "x", "amount": "12.50"}),
    ("GET", "/irs/v1/bills?month=2026-11", None),
    ("GET", "/irs/v1/metrics?from=1795953600000&to=1795957200000&period=60&api=defog", None),
    ("GET", "/irs/v1/usage?month=2026-11&format=csv", None),
    ("GET", "/V1.0/{project}/metric-data?namespace=SYS.IRS&metric_name=successful_call_times_of_service"
     "&dim.0=call_of_interface,defog&from=1795953600000&to=1795957200000&period=60&filter=sum", None),
    ("GET", "/openapi.json", None),
    ("GET", "/metrics", None),
    ("GET", "/", None),
]  # fmt: skip


@dataclass
class Request:
    method: bytes
    target: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""
    version: bytes = b"HTTP/1.1"
    short: bool = field(default=False, kw_only=True)  # the client goes away before all is sent

    def wire(self):
        names = {name.lower() for name, _ in self.headers}
        lines = [self.method + b" " + self.target + b" " + self.version]
        lines += [name + b": " + value for name, value in self.headers]
        if not names & {b"content-length", b"transfer-encoding"}:
            lines.append(b"Content-Length: %d" % len(self.body))
        return b"\r\n".join(lines) + b"\r\n\r\n" + self.body


class Mutants:
    """Draws requests.

    Args:
        random: Decides everything.
        token, project: Of a caller who may do what is asked for.
        host: The Host header.
        port: Of a listener on this machine that must not be contacted.
    """

    def __init__(self, random, token, project, host, port):
        self.random, self.project, self.port = random, project, port
        self.headers = [(b"Host", host.encode()), (b"X-Auth-Token", token.encode())]
        self.pictures, self.bombs = list(pictures().values()), list(bombs().values())

    def seeds(self):
        """All of what programs send, with pictures in them as JSON and as forms."""
        for path in CALLS:
            yield self.call(path, self.pictures[0])
        for path in FORMS:
            yield self.form(path, self.pictures[0])
        for method, path, body in OTHERS:
            yield self.other(method, path, body)

    def call(self, path, picture):
        body = {"image": base64.b64encode(picture).decode(), "url": ""} | CALLS[path]
        return self.other("POST", path, body)

    def other(self, method, path, body):
        content = b"" if body is None else json.dumps(body).encode()
        headers = [*self.headers, (b"Content-Type", b"application/json;charset=UTF-8")]
        return Request(method.encode(), path.format(project=self.project).encode(), headers, content)

    def form(self, path, picture):
        fields = {name: str(value).encode() for name, value in CALLS[path].items()}
        parts = [
            (b'Content-Disposition: form-data; name="%s"' % name.encode(), v) for name, v in fields.items()
        ]
        parts.append((b'Content-Disposition: form-data; name="file"; filename="a.png"', picture))
        body = b"".join(b"--line\r\n%s\r\n\r\n%s\r\n" % part for part in parts) + b"--line--\r\n"
        headers = [*self.headers, (b"Content-Type", b"multipart/form-data; boundary=line")]
        return Request(b"POST", path.encode(), headers, body)

    def draw(self):
        """One request, changed once or a few times."""
        random = self.random
        kind = random.random()
        if kind < 0.5:
            request = self.call(random.choice(list(CALLS)), self._picture())
        elif kind < 0.7:
            request = self.form(random.choice(FORMS), self._picture())
        else:
            request = self.other(*random.choice(OTHERS))
        for _ in range(random.choice((0, 1, 1, 1, 2, 3))):
            request = random.choice(self._changes)(self, request)
        return request

    def _picture(self):
        random = self.random
        kind = random.random()
        if kind < 0.3:
            return random.choice(self.bombs)
        picture = random.choice(self.pictures)
        return self._bytes_changed(picture) if kind < 0.8 else picture

    def _bytes_changed(self, data):
        random = self.random
        changed = bytearray(data)
        for _ in range(random.choice((1, 1, 2, 5, 20))):
            at = random.randrange(len(changed) + 1)
            way = random.randrange(5)
            if way == 0:
                del changed[at:]
            elif way == 1:
                changed[at:at] = random.randbytes(random.choice((1, 4, 100)))
            elif way == 2:
                del changed[at : at + random.choice((1, 4, 100))]
            elif changed and way == 3:
                changed[at % len(changed)] ^= 1 << random.randrange(8)
            elif changed:
                changed[at % len(changed)] = random.choice((0, 0xFF, 0x7F, 0x80, 0x0A, 0x22))
        return bytes(changed)

    def _value(self, request):
        """Another value somewhere in JSON, or a key more, less or twice."""
        random = self.random
        try:
            body = json.loads(request.body)
        except (ValueError, RecursionError):
            return replace(request, body=random.choice(ODD_TEXTS))
        found = []

        def look(node, parent, key):
            found.append((parent, key))
            if isinstance(node, (dict, list)):
                for inner in node if isinstance(node, dict) else range(len(node)):
                    look(node[inner], node, inner)

        root = [body]
        look(body, root, 0)
        parent, key = random.choice(found)
        value = random.choice(ODD_VALUES)
        if key == "url" or random.random() < 0.1:
            value = f"http://{random.choice(LOOPBACK)}:{self.port}/x.png"
        if isinstance(parent, dict) and random.random() < 0.1:
            del parent[key]
        elif isinstance(parent, dict) and random.random() < 0.1:
            parent[random.choice(("self", "__class__", "image\0", "url", "file", "options", ""))] = value
        else:
            parent[key] = value
        text = json.dumps(root[0], ensure_ascii=random.random() < 0.5)
        return replace(request, body=text.encode("utf-8", "surrogatepass"))

    def _text(self, request):
        if self.random.random() < 0.3:
            return replace(request, body=self.random.choice(ODD_TEXTS))
        return replace(request, body=self._bytes_changed(request.body))

    def _header(self, request):
        """One more, another, none, hundreds, or in another place."""
        random = self.random
        headers = list(request.headers)
        name = random.choice(list(ODD_HEADERS))
        value = random.choice(ODD_HEADERS[name])
        way = random.randrange(6)
        if way == 0:
            headers.append((name, value))
        elif way == 1:
            headers.remove(random.choice(headers))
        elif way == 2:
            headers += [(b"X-Many-%d" % n, b"x") for n in range(random.choice((50, 500)))]
        elif way == 3:
            random.shuffle(headers)
        else:
            headers = [each for each in headers if each[0].lower() != name.lower()] + [(name, value)]
        framed = any(each[0] in (b"Content-Length", b"Transfer-Encoding") for each in headers)
        return replace(request, headers=headers, short=request.short or framed)

    def _line(self, request):
        random = self.random
        way = random.randrange(4)
        if way == 0:
            return replace(request, method=random.choice(METHODS))
        if way == 1:
            return replace(request, target=random.choice(ODD_TARGETS))
        if way == 2:
            return replace(request, target=self._bytes_changed(request.target))
        return replace(request, version=random.choice(VERSIONS))

    def _chunked(self, request):
        """The body in chunks, of which some may not be what they say."""
        random = self.random
        size = random.choice((1, 7, 1000, 10**6))
        body = request.body[:5000] if size < 100 else request.body
        pieces = [body[n : n + size] for n in range(0, len(body), size)]
        text = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        headers = [*request.headers, (b"Transfer-Encoding", b"chunked")]
        if random.random() < 0.3:  # then it may never end
            return replace(request, headers=headers, body=self._bytes_changed(text), short=True)
        return replace(request, headers=headers, body=text)

    def _cut(self, request):
        """The client goes away in the middle of the body."""
        length = (b"Content-Length", b"%d" % (len(request.body) + self.random.choice((1, 1000, 10**6))))
        return replace(request, headers=[*request.headers, length], short=True)

    _changes = (_value, _value, _value, _text, _text, _header, _header, _line, _chunked, _cut)


def send(address, request, patience=60):
    """The answer: status, headers and body; None where the connection ends without one."""
    with socket.create_connection(address, timeout=patience) as connection:
        try:
            connection.sendall(request.wire())
            if request.short:
                connection.shutdown(socket.SHUT_WR)
        except OSError:  # cut off while sending: there may be an answer all the same
            pass
        answer = http.client.HTTPResponse(connection, method=request.method.decode("latin-1").upper())
        try:
            answer.begin()
            return answer.status, answer.headers, answer.read()
        except (http.client.HTTPException, ConnectionError):
            return None
        finally:
            answer.close()
