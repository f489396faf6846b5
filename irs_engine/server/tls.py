"""https for clients that insist on it: an authority of this server's own and a certificate from it.

Clients are given `ca.pem` to trust. The authority can vouch for this server's names alone: whoever steals its
key can pass for no other site.
"""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from irs_engine.server.identity.keyring import write_private
from irs_engine.server.settings import Settings

AUTHORITY = timedelta(days=3650)
CERTIFICATE = timedelta(days=397)  # the longest that browsers accept
RENEWED = timedelta(days=30)  # before it ends
EARLIER = timedelta(days=1)  # than now it is valid from: clocks differ
LOOPBACK = ("localhost", "127.0.0.1", "::1")

GeneralNames = list[x509.GeneralName]


@dataclass(frozen=True)
class Certificate:
    """Files of the server's certificate."""

    ca: Path  # for clients to trust
    chain: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """For a listener."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        made.load_cert_chain(self.chain, self.key)
        return made


def certificate(settings: Settings, now: datetime | None = None) -> Certificate:
    """The certificate of this server, made when there is none, it ends soon or is of other names."""
    now = now or datetime.now(timezone.utc)
    folder, names = settings.folder, _names(settings)
    files = Certificate(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    authority = _usable(files.ca, now)
    ca_key = _key_of(authority, folder / "ca.key")
    if authority is None or ca_key is None or _vouches_for(authority) != _permitted(names):
        ca_key = ec.generate_private_key(ec.SECP256R1())
        authority = _authority(ca_key, names, now)
        write_private(folder / "ca.key", _private(ca_key))
        write_private(files.ca, _pem(authority), mode=0o644)  # to be handed on
    server = _usable(files.chain, now)
    if (
        server is None
        or _key_of(server, files.key) is None
        or not _issued_by(authority, server)
        or _alternatives(server) != names
    ):
        key = ec.generate_private_key(ec.SECP256R1())
        write_private(files.key, _private(key))
        write_private(files.chain, _pem(_server(key, names, authority, ca_key, now)) + _pem(authority))
    return files


def _names(settings: Settings) -> GeneralNames:
    names = dict.fromkeys((*LOOPBACK, settings.host, *settings.hosts))
    found: GeneralNames = []
    for name in names:
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            found.append(x509.DNSName(name.lower()))
        else:
            if not address.is_unspecified:  # 0.0.0.0 is nobody's
                found.append(x509.IPAddress(address))
    return found


def _permitted(names: GeneralNames) -> GeneralNames:
    """The same as an authority is bound to: networks of one address."""
    return [
        x509.IPAddress(ipaddress.ip_network(name.value)) if isinstance(name, x509.IPAddress) else name
        for name in names
    ]


def _authority(key: ec.EllipticCurvePrivateKey, names: GeneralNames, now: datetime) -> x509.Certificate:
    subject = _called(f"irs-engine on this machine ({now:%Y-%m-%d})")
    builder = _builder(subject, subject, key.public_key(), now, AUTHORITY)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
    constraint = x509.NameConstraints(permitted_subtrees=_permitted(names), excluded_subtrees=None)
    builder = builder.add_extension(constraint, critical=True)
    return builder.sign(key, hashes.SHA256())


def _server(
    key: ec.EllipticCurvePrivateKey,
    names: GeneralNames,
    authority: x509.Certificate,
    ca_key: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> x509.Certificate:
    length = min(CERTIFICATE, authority.not_valid_after_utc - now)
    builder = _builder(_called("irs-engine"), authority.subject, key.public_key(), now, length)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(digital_signature=True), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    return builder.add_extension(issuer, critical=False).sign(ca_key, hashes.SHA256())


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: datetime,
    length: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(now + length)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _called(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(**given: bool) -> x509.KeyUsage:
    every = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**(dict.fromkeys(every, False) | given))


def _usable(file: Path, now: datetime) -> x509.Certificate | None:
    """The certificate in a file, if it is one and does not end soon."""
    try:
        found = x509.load_pem_x509_certificate(file.read_bytes())
    except (OSError, ValueError):
        return None
    return found if found.not_valid_before_utc <= now < found.not_valid_after_utc - RENEWED else None


def _key_of(made: x509.Certificate | None, file: Path) -> ec.EllipticCurvePrivateKey | None:
    """The private key in a file, if it is that of the certificate."""
    try:
        found = serialization.load_pem_private_key(file.read_bytes(), None)
    except (OSError, ValueError, TypeError):  # TypeError: it has a password
        return None
    if made is None or not isinstance(found, ec.EllipticCurvePrivateKey):
        return None
    return found if found.public_key() == made.public_key() else None


def _issued_by(authority: x509.Certificate, server: x509.Certificate) -> bool:
    try:
        server.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _vouches_for(authority: x509.Certificate) -> GeneralNames:
    return authority.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or []


def _alternatives(server: x509.Certificate) -> GeneralNames:
    return list(server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)


def _pem(made: x509.Certificate) -> bytes:
    return made.public_bytes(serialization.Encoding.PEM)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
