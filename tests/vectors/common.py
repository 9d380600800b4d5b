"""What the generators of known answers share: bytes of integers, labelled BLAKE2b, and lines "name hex"."""
import hashlib
import struct

lines = []


def out(name, data):
    lines.append(f"{name} {data.hex()}")
    return data


def run(first, n):
    """Bytes first, first + 1, ..."""
    return bytes((first + i) & 0xFF for i in range(n))


def u8(v):
    return struct.pack(">B", v)


def u16(v):
    return struct.pack(">H", v)


def u32(v):
    return struct.pack(">I", v)


def u48(v):
    return struct.pack(">Q", v)[2:]


def u64(v):
    return struct.pack(">Q", v)


def blake(label, key, n, *parts):
    return hashlib.blake2b(b"".join(parts), digest_size=n, key=key, person=label.encode().ljust(16, b"\0")).digest()


def blake_block(label, key, n, *parts):
    """B of FORMAT.md 2.1: the key stands before the text."""
    assert len(key) == 32 and len(key) + sum(map(len, parts)) <= 128
    return blake(label, b"", n, key, *parts)
