#!/usr/bin/python3
"""Make audit.txt: leaves, keys of their bodies, a checkpoint and the epoch root as a second implementation of docs/FORMAT.md
sections 3, 9 and 10 writes them.

Nothing of it comes from src/: hashlib gives BLAKE2b and SHA-256, python3-nacl the ciphers and Ed25519, SipHash and the Merkle
tree are written out here, the layouts are taken from the page. Inputs are the constants below; tests/unit/test_audit.h and
tests/unit/test_audit_vectors.c repeat them. Lines are frozen once a vault has been written with them; new ones are added at
the end.

    NAME BYTES      hexadecimal

Run it with Debian's interpreter: /usr/bin/python3 make.py
"""
import base64
import hashlib
import os
import struct
import sys

from nacl.bindings import (crypto_aead_chacha20poly1305_ietf_encrypt, crypto_aead_xchacha20poly1305_ietf_encrypt,
                           crypto_scalarmult, crypto_scalarmult_base, crypto_sign, crypto_sign_seed_keypair)

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from common import blake, blake_block, lines, out, run, u8, u16, u32, u48, u64  # noqa: E402


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def siphash128(key, data):
    """SipHash-2-4 with 128 bits of output."""
    mask = 2 ** 64 - 1
    k0, k1 = struct.unpack("<QQ", key)
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D ^ 0xEE, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def rotl(x, n):
        return (x << n | x >> (64 - n)) & mask

    def rounds(n):
        for _ in range(n):
            v[0] = (v[0] + v[1]) & mask
            v[1] = rotl(v[1], 13) ^ v[0]
            v[0] = rotl(v[0], 32)
            v[2] = (v[2] + v[3]) & mask
            v[3] = rotl(v[3], 16) ^ v[2]
            v[0] = (v[0] + v[3]) & mask
            v[3] = rotl(v[3], 21) ^ v[0]
            v[2] = (v[2] + v[1]) & mask
            v[1] = rotl(v[1], 17) ^ v[2]
            v[2] = rotl(v[2], 32)

    whole = data + bytes(7 - len(data) % 8) + u8(len(data) & 0xFF)
    for (m,) in struct.iter_unpack("<Q", whole):
        v[3] ^= m
        rounds(2)
        v[0] ^= m
    v[2] ^= 0xEE
    rounds(4)
    low = v[0] ^ v[1] ^ v[2] ^ v[3]
    v[1] ^= 0xDD
    rounds(4)
    return struct.pack("<QQ", low, v[0] ^ v[1] ^ v[2] ^ v[3])


# The first of the published answers for 128 bits.
assert siphash128(run(0, 16), b"").hex() == "a3817f04ba25a8e66df67214c7550293"


def merkle(leaves):
    """RFC 6962 section 2.1."""
    if len(leaves) == 1:
        return sha256(b"\0", leaves[0])
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return sha256(b"\1", merkle(leaves[:k]), merkle(leaves[k:]))


# ---- inputs -------------------------------------------------------------------------------------------------------------
VAULT = run(0x00, 16)
ORIGIN = "childvault.local/0001020304050607"
LOG_SEED, FS_STATE, EPOCHS, EPOCH = bytes([3]) * 32, run(0x00, 32), 3, 2
AUDITOR, AUDITOR_SK, EPHEMERAL = bytes([0xA0]) * 16, bytes([0x40]) * 32, run(0xC0, 32)
TIME = (20000 + EPOCH) * 86400000 + 12345678
ACTOR_KEY = run(0x15, 32)
LOG_KEY = run(0x91, 32)
SEGMENT, SEGMENT_KEY = run(0x21, 16), run(0x31, 32)
SEGMENT_SUBJECT, FREE_SUBJECT = run(0xB1, 16), run(0xF1, 16)
STATE_HASH = run(0x61, 32)
POLICY = blake("cv1.policy", b"", 32, b"document")
PRINCIPAL, SESSION, REQUEST, REQUEST_DIGEST = run(0x71, 16), run(0x81, 16), run(0xA1, 16), run(0xD1, 16)


# ---- body plaintexts ------------------------------------------------------------------------------------------------------
def pad64(data):
    return data + bytes(-len(data) % 64)


def told(view, outcome, classes):
    data = u8(view) + u16(0x0102) + u16(0x0304) + u16(0x0506) + u16(outcome) + run(0xE1, 16) + u8(len(classes))
    return data + b"".join(u16(c) for c in classes)


def rest(count, bitmap, case, reason):
    return run(0x51, 16) + u32(count) + u8(len(bitmap)) + bitmap + u8(len(case)) + case + u16(len(reason)) + reason


ACTOR_CLEAR = PRINCIPAL + SESSION + REQUEST + REQUEST_DIGEST + u32(0x000003E8) + u32(0x00012345) + u16(0x0708)
DETAIL = told(1, 0x090A, [0x10, 0x110]), rest(0x0B0C0D0E, bytes([0x81, 0x00, 0x7E]), b"2026-7/4", "探访 home visit".encode())
LONG = told(2, 0, range(0x10, 0x410, 0x10)), rest(1, run(1, 64), b"c" * 64, b"r" * 512)


def act(view, fields, child):
    """What body A says of the act: role, department, purpose, view, how many fields, which child of the day."""
    return u16(0x0102) + u16(0x0304) + u16(0x0506) + u8(view) + u16(fields) + child


actor_plain = out("actor_plain", pad64(ACTOR_CLEAR + act(2, 0x1122, run(0xC1, 8)) + u8(0)))
actor_detail_plain = out("actor_detail_plain", pad64(ACTOR_CLEAR + act(1, 8, bytes(8)) + u8(1) + b"".join(DETAIL)))
detail_plain = out("told_plain", pad64(DETAIL[0])), out("rest_plain", pad64(DETAIL[1]))
long_plain = out("told_long_plain", pad64(LONG[0])), out("rest_long_plain", pad64(LONG[1]))


# ---- keys -----------------------------------------------------------------------------------------------------------------
segment_key = [SEGMENT_KEY]
for _ in range(2):
    segment_key.append(blake("cv1.seg.next", segment_key[-1], 32))
out("segment_key_0", segment_key[0])
out("segment_key_1", segment_key[1])
out("segment_key_2", segment_key[2])
out("policy_digest", POLICY)


def day_key(epoch):
    return blake_block("cv1.day", LOG_KEY, 16, u32(epoch))


def actor_tag(index):
    return blake_block("cv1.actor", ACTOR_KEY, 16, PRINCIPAL, u64(index))


# ---- leaves ---------------------------------------------------------------------------------------------------------------
def header(kind, flags, index, time, epoch, turn, actor, subject, state=b""):
    data = u8(2) + u8(kind) + u16(flags) + u64(index) + u48(time) + u32(epoch) + SEGMENT + u32(turn)
    data += actor + subject + POLICY[:16]
    assert len(data) == 90
    return data + state


def cell(key, ad, m):
    return crypto_aead_chacha20poly1305_ietf_encrypt(m, ad, bytes(12), key)


def sealed(name, kind, index, time, epoch, turn, plain_b, state=b""):
    """A sealed leaf, about a child if it has a body B; its keys and tags stand before it."""
    plain_a = actor_detail_plain
    key_input = SEGMENT + u32(turn) + u64(index)
    actor, subject = out(name + "_actor_tag", actor_tag(index)), FREE_SUBJECT
    if plain_b:
        subject = out(name + "_subject_tag", siphash128(out(name + "_day_key", day_key(epoch)), u64(index)))
        child = siphash128(day_key(epoch), PRINCIPAL)[:8]
        what = act(2, sum(byte.bit_count() for byte in run(1, 64)), child) if plain_b == long_plain else act(1, 8, child)
        plain_a = out(name + "_actor_plain", pad64(ACTOR_CLEAR + what + u8(0)))
    ad = header(kind, (1 if state else 0) + (4 if plain_b else 0), index, time, epoch, turn, actor, subject, state)
    key_a = out(name + "_a_key", blake_block("cv1.leaf.a", segment_key[turn], 32, key_input))
    a, b = cell(key_a, ad, plain_a), b""
    if plain_b:
        both = blake_block("cv1.leaf.b", LOG_KEY, 64, key_input)
        keys = out(name + "_told_key", both[:32]), out(name + "_rest_key", both[32:])
        hashes = [blake("cv1.leaf.c", key, 32, key_input) for key in keys]
        b = out(name + "_b_commit", blake("cv1.leaf.c", b"", 32, *hashes)) + u8(len(plain_b[0]) // 64)
        b += b"".join(cell(key, ad, plain) for key, plain in zip(keys, plain_b))
    return out(name + "_leaf", ad + u16(len(a)) + a + u16(len(b)) + b)


def pkseal(pk, ctx, m):
    assert len(ctx) == 96
    epk = crypto_scalarmult_base(EPHEMERAL)
    key = blake("cv1.pkseal", crypto_scalarmult(EPHEMERAL, pk), 32, epk, pk, ctx)
    okm = blake("cv1.seal", key, 64, bytes(24), ctx)
    return epk + okm[32:] + crypto_aead_xchacha20poly1305_ietf_encrypt(m, ctx, bytes(24), okm[:32])


segment_context = b"CVX1" + u8(19) + u8(1) + u16(1) + VAULT + SEGMENT + bytes(24) + AUDITOR + u64(32) + bytes(8)
body = u8(1) + AUDITOR + u32(0) + pkseal(crypto_scalarmult_base(AUDITOR_SK), segment_context, SEGMENT_KEY)
opened = out("segment_leaf", header(19, 2, 0, TIME, EPOCH, 0, bytes(16), SEGMENT_SUBJECT) + u16(len(body)) + body + u16(0))

# The log of the checkpoint below: the segment's leaf, and one leaf about the child in each of three turns.
log = [opened, sealed("read", 2, 1, TIME, EPOCH, 0, detail_plain),
       sealed("patch", 25, 2, TIME + 1, EPOCH, 1, long_plain, STATE_HASH),
       sealed("reveal", 23, 3, TIME + 2, EPOCH, 2, detail_plain)]

# Outside that log: every number at its full width; and a leaf without a child.
sealed("wide", 26, 0x0102030405060708, 0x0A0B0C0D0E0F, 0x11121314, 2, detail_plain, STATE_HASH)
sealed("childless", 16, 0x0102030405060709, 0x0A0B0C0D0E10, 0x11121314, 1, None)


# ---- tree, epochs, checkpoint ---------------------------------------------------------------------------------------------
for i, leaf in enumerate(log):
    out(f"leaf_hash_{i}", sha256(b"\0", leaf))
root = out("log_root", merkle(log))
out("log_bundle", b"".join(u16(len(leaf)) + leaf for leaf in log))

epoch_sk, epoch_pk, state = [], [], FS_STATE
for _ in range(EPOCHS):
    pk, sk = crypto_sign_seed_keypair(blake("cv1.fs.sign", state, 32))
    epoch_pk.append(pk)
    epoch_sk.append(sk)
    state = blake("cv1.fs.next", state, 32)
out("epochs", b"".join(epoch_pk))
out("epoch_root", merkle(epoch_pk))


def key_id(name, pk):
    return sha256(name.encode(), b"\n\1", pk)[:4]


def signature_line(name, pk, sk, text):
    raw = key_id(name, pk) + crypto_sign(text, sk)[:64]
    return "\u2014 ".encode() + name.encode() + b" " + base64.b64encode(raw) + b"\n"


LOG_PK, LOG_SK = crypto_sign_seed_keypair(LOG_SEED)
EPOCH_NAME = f"{ORIGIN}/fs/{EPOCH:04}"
out("log_key_id", key_id(ORIGIN, LOG_PK))
out("epoch_key_id", key_id(EPOCH_NAME, epoch_pk[EPOCH]))
out("vkey", f"{ORIGIN}+{key_id(ORIGIN, LOG_PK).hex()}+".encode() + base64.b64encode(b"\1" + LOG_PK) + b"\n")
text = out("checkpoint_text", f"{ORIGIN}\n{len(log)}\n".encode() + base64.b64encode(root) + b"\n")
out("log_signature", crypto_sign(text, LOG_SK)[:64])
out("epoch_signature", crypto_sign(text, epoch_sk[EPOCH])[:64])
out("checkpoint", text + b"\n" + signature_line(ORIGIN, LOG_PK, LOG_SK, text) +
    signature_line(EPOCH_NAME, epoch_pk[EPOCH], epoch_sk[EPOCH], text))

# C2SP tlog-cosignature, tlog-proof and tlog-policy, from their specifications
WITNESS_NAME, WITNESS_SEED, WITNESS_TIME = "audit.example.gov/w1", bytes([0x77]) * 32, 1795000000
WITNESS_PK, WITNESS_SK = crypto_sign_seed_keypair(WITNESS_SEED)
WITNESS_ID = sha256(WITNESS_NAME.encode(), b"\n\4", WITNESS_PK)[:4]
witness_vkey = f"{WITNESS_NAME}+{WITNESS_ID.hex()}+".encode() + base64.b64encode(b"\4" + WITNESS_PK) + b"\n"
out("witness_vkey", witness_vkey)
out("witness_key", b"PRIVATE+KEY+" + f"{WITNESS_NAME}+{WITNESS_ID.hex()}+".encode() + base64.b64encode(b"\4" + WITNESS_SEED) + b"\n")
message = out("cosigned_message", f"cosignature/v1\ntime {WITNESS_TIME}\n".encode() + text)
raw = WITNESS_ID + u64(WITNESS_TIME) + crypto_sign(message, WITNESS_SK)[:64]
note = text + b"\n" + signature_line(ORIGIN, LOG_PK, LOG_SK, text) + signature_line(EPOCH_NAME, epoch_pk[EPOCH], epoch_sk[EPOCH], text)
cosigned = out("cosigned", note + "\u2014 ".encode() + WITNESS_NAME.encode() + b" " + base64.b64encode(raw) + b"\n")


def path(index, hashes):
    """RFC 6962 section 2.1.1."""
    if len(hashes) == 1:
        return []
    k = 1 << (len(hashes) - 1).bit_length() - 1
    if index < k:
        return path(index, hashes[:k]) + [merkle_of(hashes[k:])]
    return path(index - k, hashes[k:]) + [merkle_of(hashes[:k])]


def merkle_of(hashes):
    if len(hashes) == 1:
        return hashes[0]
    k = 1 << (len(hashes) - 1).bit_length() - 1
    return sha256(b"\1", merkle_of(hashes[:k]), merkle_of(hashes[k:]))


proof = path(1, [sha256(b"\0", leaf) for leaf in log])
out("proof", b"c2sp.org/tlog-proof@v1\nextra " + base64.b64encode(b"extra data") + b"\nindex 1\n" +
    b"".join(base64.b64encode(h) + b"\n" for h in proof) + b"\n" + cosigned)
out("trust_policy", f"log {ORIGIN}+{key_id(ORIGIN, LOG_PK).hex()}+".encode() + base64.b64encode(b"\1" + LOG_PK) +
    b"\nwitness " + WITNESS_NAME.encode() + b" " + witness_vkey + b"group witnesses 1 " + WITNESS_NAME.encode() + b"\nquorum witnesses\n")

# An auditor's month keys: the ratchet from November 2026 on, the list of three months as it is signed, a segment's key sealed to the second.
state, month_pks = run(0, 32), []
for month in (202611, 202612, 202701):
    secret = out(f"month_{month}_sk", blake("cv1.month.key", state, 32, u32(month)))
    month_pks.append(out(f"month_{month}_pk", crypto_scalarmult_base(secret)))
    state = out(f"month_{month}_next", blake("cv1.month.next", state, 32))
months_list = b"cv1.months".ljust(16, b"\0") + VAULT + AUDITOR + u48(TIME) + u32(202611) + u8(3) + b"".join(month_pks)
out("months_list", months_list)
out("months_signature", crypto_sign(months_list, crypto_sign_seed_keypair(run(0xA1, 32))[1])[:64])
month_context = segment_context[:44] + u32(202612) + segment_context[48:]
body = u8(1) + AUDITOR + u32(202612) + pkseal(month_pks[1], month_context, SEGMENT_KEY)
out("month_segment_leaf", header(19, 2, 0, TIME, EPOCH, 0, bytes(16), SEGMENT_SUBJECT) + u16(len(body)) + body + u16(0))
# The file beside a key file, opened with the first 32 bytes of its secrets, and one that lends two months.
months_file_key = out("months_file_key", blake("cv1.month.file", run(0x81, 32), 32, AUDITOR))
months_context = b"CVX1" + u8(27) + u8(1) + u16(1) + VAULT + AUDITOR + bytes(40) + u64(40) + bytes(8)
okm = blake("cv1.seal", months_file_key, 64, bytes(24), months_context)
sealed_months = bytes(24) + okm[32:] + crypto_aead_xchacha20poly1305_ietf_encrypt(
    u32(202611) + u32(202701) + run(0, 32), months_context, bytes(24), okm[:32])
out("months_file", b"childvault-months-1\n" + base64.b64encode(u8(1) + u8(1) + AUDITOR + VAULT + sealed_months) + b"\n")
out("months_lent", b"childvault-lent-1\n" + base64.b64encode(
    u8(1) + u8(1) + AUDITOR + VAULT + u8(2) + b"".join(
        u32(m) + blake("cv1.month.key", s, 32, u32(m))
        for m, s in ((202611, run(0, 32)), (202612, blake("cv1.month.next", run(0, 32), 32))))) + b"\n")

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "audit.txt"), "w", encoding="ascii") as f:
    f.write("# written by make.py, see there\n" + "\n".join(lines) + "\n")
