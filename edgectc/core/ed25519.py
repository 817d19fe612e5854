"""Verification of Ed25519 signatures; standard library alone, so that a load needs nothing more.

Nothing here is secret, so nothing has to run in constant time. Signing is left to libraries.

Source: RFC 8032, 5.1. As OpenSSL does, the equation is checked without the cofactor, on encodings.
"""

from __future__ import annotations

import functools
import hashlib

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493  # order of the base point
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)  # of -1

_Point = tuple[int, int, int, int]  # (X, Y, Z, T) with x = X / Z, y = Y / Z, x y = T / Z
_NEUTRAL: _Point = (0, 1, 1, 0)


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether ``signature`` (64 bytes) over ``message`` was made with the key's other half.

    Args:
        public_key: 32 bytes.
        message: any bytes.
        signature: other sizes are no signature.
    """
    point = _decoded(public_key)
    if point is None or len(signature) != 64 or _has_small_order(point):
        return False
    head, s = signature[:32], int.from_bytes(signature[32:], "little")
    if s >= _L:
        return False  # the same signature could be written in two ways
    digest = hashlib.sha512(head + public_key + message).digest()
    k = int.from_bytes(digest, "little") % _L
    X, Y, Z, T = point
    return _encoded(_sum(_times(s, _base()), _times(k, (-X % _P, Y, Z, -T % _P)))) == head


def is_public_key(data: bytes) -> bool:
    """Return whether 32 bytes are a public key that only one private key belongs to."""
    point = _decoded(data)
    return point is not None and not _has_small_order(point)


def _decoded(data: bytes) -> _Point | None:
    """Return the point of 32 bytes, None if they are none. Source: RFC 8032, 5.1.3."""
    if len(data) != 32:
        return None
    both = int.from_bytes(data, "little")
    sign, y = both >> 255, both & (1 << 255) - 1
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if x * x % _P != square:
        x = x * _ROOT % _P
    if x * x % _P != square or (x == 0 and sign):
        return None
    x = _P - x if x & 1 != sign else x
    return x, y, 1, x * y % _P


def _encoded(point: _Point) -> bytes:
    X, Y, Z, _ = point
    inverse = pow(Z, -1, _P)
    x, y = X * inverse % _P, Y * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _sum(p: _Point, q: _Point) -> _Point:
    """Return the sum of two points, which may be the same. Source: RFC 8032, 5.1.4."""
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % _P, (p[1] + p[0]) * (q[1] + q[0]) % _P
    c, d = 2 * p[3] * q[3] * _D % _P, 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(factor: int, point: _Point) -> _Point:
    total = _NEUTRAL
    while factor:
        if factor & 1:
            total = _sum(total, point)
        point = _sum(point, point)
        factor >>= 1
    return total


def _has_small_order(point: _Point) -> bool:
    """Return whether a point is one of eight with which anybody can sign."""
    X, Y, Z, _ = _times(8, point)
    return X == 0 and Y == Z


@functools.cache
def _base() -> _Point:
    point = _decoded((4 * pow(5, -1, _P) % _P).to_bytes(32, "little"))
    assert point is not None
    return point
