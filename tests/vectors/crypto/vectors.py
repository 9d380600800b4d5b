#!/usr/bin/env python3
"""Make crypto.txt: answers of a second, independent implementation of docs/FORMAT.md sections 2 and 8.

It shares nothing with src/crypto: BLAKE2b comes from hashlib, everything else is written out here from RFC 7748 (X25519),
RFC 8439 (ChaCha20, Poly1305) and the XChaCha draft. Slow and not constant-time: for test data only.

Lines are frozen once a vault has been written with them; new ones are added at the end.

    hash NUMBER-OF-OUTPUT-BYTES LABEL KEY INPUT OUTPUT
    seal KEY NONCE CONTEXT PLAINTEXT OUTPUT
    pkseal EPHEMERAL-SECRET SECRET CONTEXT PLAINTEXT OUTPUT
    cell KEY NONCE AD PLAINTEXT OUTPUT
    lthash KEY DIGEST FIRST-16-BYTES ELEMENT...

Byte fields are hexadecimal, '-' if empty.
"""
import hashlib
import os
import struct


def blake2b(label, key, data, n):
    return hashlib.blake2b(data, digest_size=n, key=key, person=label.encode().ljust(16, b"\0")).digest()


def quarter(s, a, b, c, d):
    for x, y, z, r in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        s[x] = (s[x] + s[y]) & 0xFFFFFFFF
        v = s[z] ^ s[x]
        s[z] = ((v << r) | (v >> (32 - r))) & 0xFFFFFFFF


def rounds(s):
    for _ in range(10):
        for i in range(4):
            quarter(s, i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(s, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return s


SIGMA = struct.unpack("<4I", b"expand 32-byte k")


def chacha20(key, nonce, n, counter=0):
    out = b""
    while len(out) < n:
        start = list(SIGMA + struct.unpack("<8I", key) + (counter,) + struct.unpack("<3I", nonce))
        out += struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(start, rounds(start[:]))))
        counter += 1
    return out[:n]


def hchacha20(key, nonce16):
    s = rounds(list(SIGMA + struct.unpack("<8I", key) + struct.unpack("<4I", nonce16)))
    return struct.pack("<8I", *(s[:4] + s[12:]))


def poly1305(key, data):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    acc = 0
    for i in range(0, len(data), 16):
        acc = (acc + int.from_bytes(data[i:i + 16] + b"\1", "little")) * r % ((1 << 130) - 5)
    return ((acc + int.from_bytes(key[16:], "little")) & ((1 << 128) - 1)).to_bytes(16, "little")


def pad16(data):
    return data + bytes(-len(data) % 16)


def aead(key, nonce12, ad, m):
    ct = bytes(a ^ b for a, b in zip(m, chacha20(key, nonce12, len(m), 1)))
    mac = pad16(ad) + pad16(ct) + struct.pack("<QQ", len(ad), len(ct))
    return ct + poly1305(chacha20(key, nonce12, 32), mac)


def xaead(key, nonce24, ad, m):
    return aead(hchacha20(key, nonce24[:16]), bytes(4) + nonce24[16:], ad, m)


def x25519(k, u):
    p = 2**255 - 19
    n = int.from_bytes(k, "little") & ~(7 | 1 << 255) | 1 << 254
    x1 = int.from_bytes(u, "little") % 2**255
    x2, z2, x3, z3, swap = 1, 0, x1, 1, 0
    for t in range(254, -1, -1):
        bit = n >> t & 1
        if swap != bit:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = bit
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a % p, b * b % p, d * a % p, c * b % p
        e = aa - bb
        x3, z3 = (da + cb)**2 % p, x1 * (da - cb)**2 % p
        x2, z2 = aa * bb % p, e * (aa + 121665 * e) % p
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, p - 2, p) % p).to_bytes(32, "little")


BASE = bytes([9]) + bytes(31)


def seal_body(key, nonce, ctx, m):
    okm = blake2b("cv1.seal", key, nonce + ctx, 64)
    return okm[32:] + xaead(okm[:32], nonce, ctx, m)


def seal(key, nonce, ctx, m):
    return nonce + seal_body(key, nonce, ctx, m)


def pkseal(esk, pk, ctx, m):
    epk = x25519(esk, BASE)
    key = blake2b("cv1.pkseal", x25519(esk, pk), epk + pk + ctx, 32)
    return epk + seal_body(key, bytes(24), ctx, m)


def lthash(key, elements):
    lanes = [0] * 1024
    for e in elements:
        stream = chacha20(blake2b("cv1.set", key, e, 32), bytes(12), 2048)
        lanes = [(a + b) & 0xFFFF for a, b in zip(lanes, struct.unpack("<1024H", stream))]
    return struct.pack("<1024H", *lanes)


def run(first, n):
    """Bytes first, first + 1, ... as test data."""
    return bytes((first + i) & 0xFF for i in range(n))


def context(kind, field, version, length):
    return (b"CVX1" + bytes([kind, 1, 0, 1]) + run(0, 16) + run(0x10, 16) + struct.pack(">IIII", 0x30000, 1, 1, field)
            + struct.pack(">Q", version) + run(0x30, 16) + struct.pack(">QQ", length, 0))


def lines():
    for n in (16, 20, 32, 48, 64):
        for label, key_n, in_n in (("cv1.row", 64, 120), ("cv1.wrap", 32, 120), ("c", 0, 0), ("cv1.digest", 1, 1),
                                   ("cv1.journal.1234", 33, 128), ("cv1.etag", 32, 129), ("cv1.hist", 16, 1000)):
            key, data = run(n, key_n), run(0x80 + n, in_n)
            yield ("hash", n, label, key, data, blake2b(label, key, data, n))
    yield ("hash", 16, "cv1.blind.nid", run(0x40, 32), b"19990101-1234",
           blake2b("cv1.blind.nid", run(0x40, 32), b"19990101-1234", 16))
    for m_n in (0, 1, 63, 64, 65, 255, 1000):
        ctx, m = context(1, m_n, 7, m_n), run(m_n, m_n)
        yield ("seal", run(0x40, 32), run(m_n, 24), ctx, m, seal(run(0x40, 32), run(m_n, 24), ctx, m))
    for m_n in (0, 32, 100):
        ctx, m, esk, sk = context(4, m_n, 1, m_n), run(m_n, m_n), run(0xC0 + m_n, 32), run(0xA0 + m_n, 32)
        yield ("pkseal", esk, sk, ctx, m, pkseal(esk, x25519(sk, BASE), ctx, m))
    for ad_n, m_n in ((0, 0), (0, 32), (12, 114), (0, 1024), (16, 17)):
        key, nonce, ad, m = run(m_n, 32), run(ad_n, 12), run(0x50, ad_n), run(0x20, m_n)
        yield ("cell", key, nonce, ad, m, aead(key, nonce, ad, m))
    key = run(0x40, 32)
    for elements in ([], [b""], [bytes([i]) for i in range(5)], [run(7, 300)], [run(i, 40 + i) for i in range(20)],
                     [b"twice", b"twice"]):
        total = lthash(key, elements)
        yield ("lthash", key, blake2b("cv1.state", b"", total, 32), total[:16], *elements)
    for n, label, key_n, in_n in ((32, "cv1.datakey", 32, 112), (32, "cv1.datakey3", 32, 176), (48, "cv1.row", 64, 120)):
        key, data = run(n + in_n, key_n), run(0x21 + n, in_n)
        yield ("hash", n, label, key, data, blake2b(label, key, data, n))


def text(field):
    return (field.hex() or "-") if isinstance(field, bytes) else str(field)


if __name__ == "__main__":
    assert x25519(run(0xA0, 32), BASE).hex() == "605a725d2a4adfeeb1a29e17edd621c1b7593ee8cdbc44ac6c4ab6e2f805d23c"
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "crypto.txt")
    with open(path, "w", encoding="ascii") as f:
        f.write("# written by vectors.py, see there\n")
        for line in lines():
            f.write(" ".join(text(field) for field in line) + "\n")
