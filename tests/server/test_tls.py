"""The certificate of the server, and clients that trust it."""

import ipaddress
import socket
import ssl
import stat
import threading
from datetime import datetime, timedelta, timezone

import pytest

x509 = pytest.importorskip("cryptography.x509", reason="needs irs-engine[server]")
pytest.importorskip("pydantic_settings", reason="needs irs-engine[server]")

from cryptography.hazmat.primitives import hashes, serialization  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402

from irs_engine.server.settings import Settings  # noqa: E402
from irs_engine.server.tls import certificate  # noqa: E402


@pytest.fixture
def settings(tmp_path):
    return Settings(data=tmp_path / "server", host="127.0.0.1")


@pytest.fixture
def shake_hands():
    """A client's handshake with a server that has these files; the name that the client calls it by."""
    listeners = []

    def shake_hands(context, name, ca, strict=True):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def answer():
            try:
                connection, _ = listener.accept()
                context.wrap_socket(connection, server_side=True).close()
            except OSError:  # the client does not want to
                pass

        threading.Thread(target=answer, daemon=True).start()
        trusting = ssl.create_default_context(cafile=str(ca))
        if strict:
            trusting.verify_flags |= ssl.VERIFY_X509_STRICT  # as Python 3.13 does
        with socket.create_connection(listener.getsockname(), timeout=10) as plain:
            trusting.wrap_socket(plain, server_hostname=name).close()

    yield shake_hands
    for listener in listeners:
        listener.close()


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "irs.example.com"])
def test_clients_that_trust_the_authority(settings, shake_hands, name):
    made = certificate(settings.model_copy(update={"hosts": ("irs.example.com",)}))
    shake_hands(made.context(), name, made.ca)


def test_nobody_else_is_vouched_for(settings, shake_hands):
    made = certificate(settings)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(made.context(), "example.com", made.ca)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(made.context(), "127.0.0.2", made.ca)


@pytest.mark.parametrize(
    "name",
    [x509.DNSName("bank.example.com"), x509.IPAddress(ipaddress.ip_address("192.0.2.1"))],
    ids=["name", "address"],
)
def test_a_stolen_authority_passes_for_no_other_site(settings, shake_hands, tmp_path, name):
    made = certificate(settings)
    ca_key = serialization.load_pem_private_key((settings.folder / "ca.key").read_bytes(), None)
    ca = x509.load_pem_x509_certificate(made.ca.read_bytes())
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(timezone.utc)
    forged = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(ca.subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([name]), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = tmp_path / "forged.pem"
    file.write_bytes(pem + forged.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        shake_hands(context, str(name.value), made.ca)


def test_keys_are_their_owners(settings):
    made = certificate(settings)
    assert [stat.S_IMODE(file.stat().st_mode) for file in (made.key, settings.folder / "ca.key")] == [
        0o600
    ] * 2
    assert stat.S_IMODE(made.ca.stat().st_mode) == 0o644


def contents(made):
    return made.ca.read_bytes(), made.chain.read_bytes(), made.key.read_bytes()


def test_it_is_made_once(settings):
    assert contents(certificate(settings)) == contents(certificate(settings))


def test_it_is_renewed_before_it_ends(settings, shake_hands):
    now = datetime.now(timezone.utc)
    old = certificate(settings, now - timedelta(days=380))
    before = contents(old)
    renewed = certificate(settings, now)
    after = contents(renewed)
    assert after[0] == before[0] and after[1] != before[1]  # clients need not be told
    shake_hands(renewed.context(), "localhost", renewed.ca)


def test_the_authority_is_renewed_before_it_ends(settings, shake_hands):
    now = datetime.now(timezone.utc)
    before = contents(certificate(settings, now - timedelta(days=3640)))
    renewed = certificate(settings, now)
    assert contents(renewed)[0] != before[0]
    shake_hands(renewed.context(), "localhost", renewed.ca)


@pytest.mark.parametrize("damage", ["ca.pem", "ca.key", "server.pem", "server.key"])
@pytest.mark.parametrize("how", ["missing", "nonsense", "of another"])
def test_damage_is_repaired(settings, shake_hands, tmp_path, damage, how):
    certificate(settings)
    file = settings.folder / damage
    if how == "missing":
        file.unlink()
    else:
        other = certificate(settings.model_copy(update={"data": tmp_path / "other"}))
        file.write_bytes(b"nonsense" if how == "nonsense" else (other.ca.parent / damage).read_bytes())
    made = certificate(settings)
    assert contents(made) == contents(certificate(settings))
    shake_hands(made.context(), "localhost", made.ca)


def test_other_names(settings, shake_hands):
    before = contents(certificate(settings))
    made = certificate(settings.model_copy(update={"host": "192.0.2.7"}))
    assert contents(made)[0] != before[0]  # the old authority cannot vouch for it
    shake_hands(made.context(), "192.0.2.7", made.ca)


def test_every_address_is_no_name(settings):
    made = certificate(settings.model_copy(update={"host": "0.0.0.0"}))
    found = x509.load_pem_x509_certificate(made.chain.read_bytes())
    names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name) for name in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
