"""An authority of our own, and what it signs for a server and a client of one machine."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files: an authority, what it signed for 127.0.0.1 and for a client, and another authority."""

    ca: Path
    server: tuple[Path, Path]
    client: tuple[Path, Path]
    other_ca: Path

    @property
    def arguments(self) -> tuple[str, ...]:
        """Have a Redis speak TLS with these, and want a client's certificate."""
        certificate, key = map(str, self.server)
        files = ("--tls-cert-file", certificate, "--tls-key-file", key)
        between = ("--tls-replication", "yes", "--tls-cluster", "yes")
        return (*files, "--tls-ca-cert-file", str(self.ca), "--tls-auth-clients", "yes", *between)

    @property
    def options(self) -> dict[str, Any]:
        """Have redis-py show what the client has."""
        certificate, key = map(str, self.client)
        files = {"ssl_certfile": certificate, "ssl_keyfile": key, "ssl_ca_certs": str(self.ca)}
        return {"ssl": True, **files}


def make_certificates(folder: Path) -> Certificates:
    """Write certificates that live for a day."""
    ca, ca_key = _make(folder / "ca", None)
    other, _ = _make(folder / "other", None)
    server, server_key = _make(folder / "server", (ca, ca_key))
    client, client_key = _make(folder / "client", (ca, ca_key))
    return Certificates(ca, (server, server_key), (client, client_key), other)


def _make(stem: Path, issuer: tuple[Path, Path] | None) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, stem.name)])
    issued_by, signing = name, key
    if issuer is not None:
        issued_by = x509.load_pem_x509_certificate(issuer[0].read_bytes()).subject
        loaded = serialization.load_pem_private_key(issuer[1].read_bytes(), None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        signing = loaded
    now = datetime.now(UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issued_by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(alternative, critical=False)
        .sign(signing, hashes.SHA256())
    )
    files = stem.with_suffix(".pem"), stem.with_suffix(".key")
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files
