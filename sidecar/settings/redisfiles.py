"""The files that settings of Redis name: read and judged once, as everything else that is set."""

from pathlib import Path
from typing import Final

from sidecar.core.text import is_plain_text
from sidecar.errors import DocumentInvalid
from sidecar.schemas.redisurl import Form, parse_redis_url
from sidecar.settings.files import read_text
from sidecar.settings.merge import Key, Merged
from sidecar.settings.types import RedisAccess

LONGEST_PASSWORD: Final = 512  # characters; Redis itself has no bound
URL: Final = ("redis", "url")
PASSWORD: Final = ("redis", "password_file")
SENTINEL_PASSWORD: Final = ("redis", "sentinel_password_file")
CA, CERTIFICATE, KEY = ("redis", "ca_file"), ("redis", "cert_file"), ("redis", "key_file")
FILES: Final = (PASSWORD, SENTINEL_PASSWORD, CA, CERTIFICATE, KEY)


def read_redis_access(merged: Merged) -> RedisAccess:
    """Return what the files say, and note everything that is wrong with them or the URL."""
    if not merged.broken.isdisjoint((URL, *FILES)):
        return RedisAccess()  # nobody sees it: what is broken is told instead
    paths: dict[Key, Path | None] = {key: merged.values[key] for key in FILES}
    _judge_beside_url(merged, paths)
    _judge_tls_files(merged, paths)
    return RedisAccess(
        password_file=paths[PASSWORD],
        sentinel_password_file=paths[SENTINEL_PASSWORD],
        ca_file=paths[CA],
        cert_file=paths[CERTIFICATE],
        key_file=paths[KEY],
        password=_read_password(merged, PASSWORD),
        sentinel_password=_read_password(merged, SENTINEL_PASSWORD),
    )


def _judge_beside_url(merged: Merged, paths: dict[Key, Path | None]) -> None:
    """Note what the URL leaves no use for, or says already."""
    text = merged.values[URL]
    named = [key for key in FILES if paths[key] is not None]
    if text is None:
        for key in named:
            merged.blame((key,), "is of no use without redis.url")
        return
    url = parse_redis_url(text)
    if paths[PASSWORD] is not None and url.password is not None:
        merged.blame((PASSWORD,), "redis.url has a password too; one of the two must go")
    if paths[SENTINEL_PASSWORD] is not None and url.form is not Form.SENTINEL:
        merged.blame((SENTINEL_PASSWORD,), "is of no use: redis.url names no Sentinels")
    if not url.tls:
        for key in named:
            if key in {CA, CERTIFICATE, KEY}:
                told = "is of no use: redis.url is without TLS, which begins with rediss"
                merged.blame((key,), told)


def _judge_tls_files(merged: Merged, paths: dict[Key, Path | None]) -> None:
    """Note what TLS cannot use, each at the file that is to be corrected."""
    ca, certificate, key = paths[CA], paths[CERTIFICATE], paths[KEY]
    readable = {each: _is_readable(merged, each) for each in (CA, CERTIFICATE, KEY)}
    if certificate is None and key is not None:
        merged.blame((KEY,), "is of no use without redis.cert_file")
    if certificate is not None and key is None:
        merged.blame((CERTIFICATE,), "needs its private key, redis.key_file")
    if ca is None and certificate is None:
        return
    import ssl  # noqa: PLC0415 - most have neither

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca is not None and readable[CA]:
        try:
            context.load_verify_locations(ca)
        except (ssl.SSLError, OSError):
            merged.blame((CA,), f"{ca}: holds no certificate in PEM")
    if certificate is None or key is None or not (readable[CERTIFICATE] and readable[KEY]):
        return
    try:
        context.load_cert_chain(certificate, key, password=_no_passphrase)
    except (ssl.SSLError, OSError, ValueError) as error:
        if getattr(error, "reason", "") == "KEY_VALUES_MISMATCH":
            merged.blame((KEY,), "is not the key of redis.cert_file")
        else:
            told = "and redis.key_file must hold a certificate and its key, unencrypted PEM"
            merged.blame((CERTIFICATE,), told)


def _no_passphrase() -> str:
    """Stand in for the question at a terminal that OpenSSL would ask."""
    return ""


def _is_readable(merged: Merged, key: Key) -> bool:
    path = merged.values[key]
    if path is None:
        return False
    try:
        read_text(path)
    except DocumentInvalid as error:
        for problem in error.problems:
            merged.blame((key,), problem)
        return False
    return True


def _read_password(merged: Merged, key: Key) -> str | None:
    """Return the one line of a file."""
    if not _is_readable(merged, key):
        return None
    password = read_text(merged.values[key]).removesuffix("\n").removesuffix("\r")
    if 0 < len(password) <= LONGEST_PASSWORD and is_plain_text(password):
        return password
    merged.blame((key,), f"{merged.values[key]}: must be one line, the password")
    return None
