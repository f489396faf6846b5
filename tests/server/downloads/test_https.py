"""https: the certificate has to be of the host in the URL, from somebody who is trusted."""

import datetime
import ipaddress
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from download_hosts import answering, downloads, fetch, picture, refused

NOW = datetime.datetime.now(datetime.timezone.utc)


def certificate(folder, *names, issuer=None, days=(-1, 30)):
    """A server's context, and the certificate and key, signed by itself or by `issuer`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0] if names else "authority")])
    start, end = (NOW + datetime.timedelta(days=each) for each in days)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer[0].subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if names:
        alternatives = [
            x509.IPAddress(ipaddress.ip_address(n)) if n[0].isdigit() else x509.DNSName(n) for n in names
        ]
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    made = builder.sign(issuer[1] if issuer else key, hashes.SHA256())
    if not names:
        return made, key
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


@pytest.fixture
def authority(tmp_path):
    return certificate(tmp_path)


@pytest.fixture
def trusting(authority):
    context = ssl.create_default_context()
    context.load_verify_locations(cadata=authority[0].public_bytes(serialization.Encoding.PEM).decode())
    return context


def made_for(server, tls, name="name.example", **settings):
    async def resolve(host, port):
        return ["127.0.0.1"]

    parts = {"resolve": resolve} | ({"tls": tls} if tls else {})
    return downloads(ports=[server.port], parts=parts, **settings), f"https://{name}:{server.port}/cat.jpg"


def test_a_picture_by_https(host, tmp_path, authority, trusting):
    server_names = []
    context = certificate(tmp_path, "name.example", "127.0.0.1", "xn--r8jz45g.jp", issuer=authority)
    context.sni_callback = lambda _socket, name, _context: server_names.append(name)
    server = host(answering(picture(b"x" * 500_000)), tls=context)
    for name in ("name.example", "NAME.example.", "127.0.0.1", "例え.jp"):
        assert fetch(*made_for(server, trusting, name)) == b"x" * 500_000
    assert server_names == ["name.example", "name.example", None, "xn--r8jz45g.jp"]


@pytest.mark.parametrize("name", ["other.example", "a.name.example", "localhost", "127.0.0.2"])
def test_of_another_host(host, tmp_path, authority, trusting, name):
    server = host(picture(), tls=certificate(tmp_path, "name.example", "127.0.0.1", issuer=authority))
    with refused("AIS.0029"):
        fetch(*made_for(server, trusting, name))


def test_of_nobody_who_is_trusted(host, tmp_path, authority):
    server = host(picture(), tls=certificate(tmp_path, "name.example", issuer=authority))
    with refused("AIS.0029"):
        fetch(*made_for(server, None))


def test_expired(host, tmp_path, authority, trusting):
    server = host(picture(), tls=certificate(tmp_path, "name.example", issuer=authority, days=(-3, -1)))
    with refused("AIS.0029"):
        fetch(*made_for(server, trusting))


def test_no_tls_at_all(host, trusting):
    for answer in (picture(), b"", lambda connection: connection.recv(1) and connection.recv(10**6)):
        made, url = made_for(host(answer), trusting, connect_seconds=0.3)
        with refused("AIS.0029"):
            fetch(made, url)


def test_http_to_a_tls_port(host, tmp_path, authority, trusting):
    server = host(picture(), tls=certificate(tmp_path, "name.example", issuer=authority))
    made, url = made_for(server, trusting)
    with refused("AIS.0029"):
        fetch(made, url.replace("https", "http"))


def test_a_handshake_that_never_ends(host, trusting):
    server = host(lambda connection: connection.recv(10**6) and connection.recv(10**6))
    with refused("AIS.0029"):
        fetch(*made_for(server, trusting, connect_seconds=0.3))
