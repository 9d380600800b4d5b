#!/usr/bin/python3
"""Make keys.txt: the vault's own keys at work, as a second implementation of docs/FORMAT.md sections 2, 3, 5 to 8, 10 has them.

Nothing of it comes from src/: hashlib gives BLAKE2b, python3-nacl the ciphers, X25519 and Ed25519; the stream of the state hash and
all layouts are written out here. Inputs are the constants below; tests/unit/test_keys_vectors.c repeats them. Lines are frozen
once a vault has been written with them; new ones are added at the end.

    NAME BYTES      hexadecimal

Run it with Debian's interpreter: /usr/bin/python3 make.py
"""
import hashlib
import os
import struct
import sys

from nacl.bindings import (crypto_aead_xchacha20poly1305_ietf_encrypt, crypto_scalarmult, crypto_scalarmult_base, crypto_sign,
                           crypto_sign_seed_keypair)

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from common import blake, blake_block, lines, out, run, u8, u16, u32, u48, u64  # noqa: E402


def noise(x, n):
    """Bytes of a congruential generator begun at x."""
    ret = bytearray()
    for _ in range(n):
        x = (x * 1103515245 + 12345) & 0xFFFFFFFF
        ret.append(x >> 16 & 0xFF)
    return bytes(ret)


def sign(seed, message):
    return crypto_sign(message, crypto_sign_seed_keypair(seed)[1])[:64]


def sign_pk(seed):
    return crypto_sign_seed_keypair(seed)[0]


# ---- inputs ---------------------------------------------------------------------------------------------------------
VAULT, RECORD, PRINCIPAL = run(0x01, 16), run(0x11, 16), run(0x50, 16)
ROOT, KEYRING = run(0x33, 32), noise(1, 29 * 32)
KEYRING_EPOCH = 3
(K_ROW, K_HEAD, K_SET, K_ACTOR, K_JOURNAL, K_GOV, K_DIR, K_IDEM, PEPPER, K_DECOY, K_CURSOR, K_FS, LOG_SEED) = \
    (KEYRING[i * 32:i * 32 + 32] for i in range(13))
SLOT = 1024 + 210
SHARD, TOP = noise(2, 32768), noise(3, 32768)
SHRED = SHARD[210 * 32:211 * 32]
NOW = 1800000000000


# ---- sections 2.2, 2.3, 3 -------------------------------------------------------------------------------------------
def context(kind, length, entity=bytes(16), class_key=0, epoch=0, generation=0, field=0, version=0, writer=bytes(16)):
    ctx = b"CVX1" + u8(kind) + u8(1) + u16(1) + VAULT + entity + u32(class_key) + u32(epoch) + u32(generation) + u32(field)
    ctx += u64(version) + writer + u64(length) + bytes(8)
    assert len(ctx) == 96
    return ctx


def body(key, nonce, ctx, m):
    okm = blake("cv1.seal", key, 64, nonce, ctx)
    return okm[32:] + crypto_aead_xchacha20poly1305_ietf_encrypt(m, ctx, nonce, okm[:32])


def seal(key, first, m, kind, **fields):
    """SEAL with the nonce that runs from first."""
    return run(first, 24) + body(key, run(first, 24), context(kind, len(m), **fields), m)


def pkseal(pk, first, m, kind, **fields):
    """PKSEAL with the ephemeral secret that runs from first."""
    ctx, epk = context(kind, len(m), **fields), crypto_scalarmult_base(run(first, 32))
    key = blake("cv1.pkseal", crypto_scalarmult(run(first, 32), pk), 32, epk, pk, ctx)
    return epk + body(key, bytes(24), ctx, m)


# ---- 5.3, 5.4: unseal slots, keyring, sealed meta values ------------------------------------------------------------
def slot(number, kind, k, n, argon, commits, kek):
    return u8(1) + u8(1) + u8(kind) + u8(k) + u8(n) + argon + commits + seal(kek, 0x40 + number, ROOT, 22, field=number)


NO_ARGON = u32(0) + u32(0) + bytes(16)
out("slot_demo", slot(0, 0xFE, 0, 0, NO_ARGON, b"", run(0x80, 32)))
out("slot_passphrase", slot(1, 2, 0, 0, u32(65536) + u32(3) + run(0x62, 16), b"", run(0x81, 32)))
QUORUM_KEK = out("quorum_kek", blake("cv1.unseal", run(0x05, 32), 32))
out("slot_quorum", slot(2, 1, 2, 3, NO_ARGON, noise(4, 64), QUORUM_KEK))
out("keyring", u8(1) + u8(1) + u32(KEYRING_EPOCH) + seal(ROOT, 0x50, KEYRING, 21, epoch=KEYRING_EPOCH))
COUNTERS = u64(0x0102030405) + u32(1235) + u32(2)
out("meta_counters", u32(KEYRING_EPOCH) + seal(K_ROW, 0x60, COUNTERS, 16, entity=b"counters".ljust(16, b"\0"), epoch=KEYRING_EPOCH))


# ---- keyed hashes ---------------------------------------------------------------------------------------------------
VERSIONS, BODY, TEXT = run(0x90, 36), b'{"fields":{}}', b"import-2026-0001"
out("actor_tag", blake_block("cv1.actor", K_ACTOR, 16, PRINCIPAL, u64(0x0102030405060708)))
out("etag", blake("cv1.etag", K_CURSOR, 16, RECORD, VERSIONS))
out("request", blake("cv1.request", K_IDEM, 16, BODY))
out("idem", blake("cv1.idem", K_IDEM, 16, PRINCIPAL, TEXT))
out("pepper", blake("cv1.pepper", PEPPER, 32, PRINCIPAL, run(0xA0, 32)))
NOBODY = run(0x70, 16)
decoy = out("decoy", b"".join(blake("cv1.decoy", K_DECOY, 64, NOBODY, u8(3), u8(i)) for i in range(2))[:112])
out("decoy_wrap", crypto_scalarmult_base(decoy[:32]) + decoy[32:])
out("token", blake("cv1.token", b"", 32, run(0xB0, 32)))


# ---- 5.1: governance rows, behind their clear part ------------------------------------------------------------------
FIELDS = u16(2) + u16(1) + u16(16) + run(0xC0, 16) + u16(3) + u16(8) + u64(NOW)
out("gov", seal(K_GOV, 0x70, FIELDS, 15, entity=RECORD, epoch=KEYRING_EPOCH, field=1))
out("gov_child", seal(blake("cv1.govkey", K_GOV, 32, SHRED), 0x78, FIELDS, 15, entity=RECORD, epoch=KEYRING_EPOCH, field=2))


# ---- 4.7: index tokens and postings -----------------------------------------------------------------------------------
def index_key(index, epoch):
    return blake("cv1.blind.key", KEYRING[(12 + index) * 32:(13 + index) * 32], 32, u32(epoch))


TOKEN = out("index_token", blake("cv1.blind.nid", index_key(1, 1), 16, b"33010620150101001X"))
BUCKET = blake("cv1.blind.nb", index_key(8, 0x01020304), 16, "欧阳小满\x1f2015-06-01".encode())
out("index_bucket", (int.from_bytes(BUCKET, "big") >> 110 << 110).to_bytes(16, "big"))
out("posting", seal(KEYRING[(20 + 8) * 32:(21 + 8) * 32], 0x90, RECORD + bytes(16), 6, entity=TOKEN, epoch=0x01020304, field=8))


# ---- section 8: state hash ------------------------------------------------------------------------------------------
def chacha20(key, n):
    """Key stream with zero nonce, from block 0."""
    def quarter(s, a, b, c, d):
        for x, y, z, r in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[x] = (s[x] + s[y]) & 0xFFFFFFFF
            s[z] ^= s[x]
            s[z] = (s[z] << r | s[z] >> (32 - r)) & 0xFFFFFFFF

    stream = b""
    for counter in range((n + 63) // 64):
        start = list(struct.unpack("<16I", b"expand 32-byte k" + key + struct.pack("<I", counter) + bytes(12)))
        s = start[:]
        for _ in range(10):
            for i in range(4):
                quarter(s, i, i + 4, i + 8, i + 12)
            for i in range(4):
                quarter(s, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
        stream += struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(s, start)))
    return stream[:n]


lanes = [0] * 1024
for table, key, value in ((4, run(0x01, 11), run(0x20, 300)), (3, u16(1) + RECORD, run(0x30, 70))):
    element = u8(table) + u16(len(key)) + key + value
    added = struct.unpack("<1024H", chacha20(blake("cv1.set", K_SET, 32, element), 2048))
    lanes = [(a + b) & 0xFFFF for a, b in zip(lanes, added)]
out("state", blake("cv1.state", b"", 32, struct.pack("<1024H", *lanes)))


# ---- 7.3: a journal block, all but its checksum ---------------------------------------------------------------------
items = u8(1) + u8(4) + u8(11) + u32(300) + run(0x01, 11) + run(0x20, 300) + u8(2) + u8(7) + u8(3) + b"key" + u8(3) + u16(5) + b"leaf0"
zeros = bytes(-(40 + len(items) + 20) % 8)
n = 40 + len(items) + len(zeros) + 20
block = b"CVJB" + u8(1) + u8(0) + u16(0) + u64(9) + u64(1000) + u32(1) + u32(2) + u32(n) + u32(0) + items + zeros
out("block", block + blake("cv1.journal", K_JOURNAL, 16, run(0xD0, 16), block))


# ---- section 10: the log's stable key -------------------------------------------------------------------------------
NOTE = b"childvault.local/0102030405060708\n7\n"
out("log_pk", sign_pk(LOG_SEED))
out("log_signature", sign(LOG_SEED, NOTE))


# ---- 5.2: a directory -----------------------------------------------------------------------------------------------
ADMIN_A, ADMIN_B, AUDITOR, CUSTODIAN, WORKER = (run(first, 16) for first in (0x10, 0x20, 0x30, 0x40, 0x50))
CLASS_KEY, ROLE = 0x10 << 16, 0x0102
ROLE_SK, CLASS_SK, SHARE = run(0x0A, 32), run(0x0B, 32), run(0x0C, 32)
ROLE_PK, CLASS_PK = crypto_scalarmult_base(ROLE_SK), crypto_scalarmult_base(CLASS_SK)
facts, rows = [], []


def row(key, fact, rest, change_set=1):
    """A believed row; its fact enters the change set. Rows are made in the order of their keys."""
    assert not rows or rows[-1][0] < key
    facts.append(blake("cv1.fact", b"", 32, VAULT, u8(len(key)), key, u16(len(fact)), fact))
    rows.append((key, u8(1) + u8(1) + u32(change_set) + u16(len(fact)) + fact + rest))


def change(sequence, previous):
    """The row of the change set of all facts so far, signed by both administrators. Returns its digest."""
    value = u8(1) + u8(1) + u32(sequence) + u48(NOW) + previous + u16(len(facts)) + b"".join(facts)
    covered = blake("cv1.change", b"", 32, value)
    value += covered + u8(2)
    for admin in (ADMIN_A, ADMIN_B):
        value += admin + sign(run(admin[0] + 2, 32), b"cv1.change".ljust(16, b"\0") + covered)
    rows.append((u8(7) + u32(sequence), value))
    return covered


def person(who, kind, area, uid, login):
    """The keys of who are runs from its id's first byte + 1 (X25519) and + 2 (Ed25519 seed)."""
    first = who[0]
    texts = b"".join(u8(len(t)) + t for t in (login, "王小满".encode(), b"civil affairs", b"", b"330106")) + u48(0)
    fact = u8(kind) + u8(area) + u32(uid) + crypto_scalarmult_base(run(first + 1, 32)) + sign_pk(run(first + 2, 32))
    fact += run(first + 3, 16) + u16(0x0101) + u48(NOW - 1000) + u48(0)
    sealed = seal(K_DIR, first + 4, texts, 17, entity=who, epoch=KEYRING_EPOCH, field=1)
    copy = pkseal(crypto_scalarmult_base(run(AUDITOR[0] + 1, 32)), first + 5, texts, 18, entity=who, field=2, writer=AUDITOR)
    row(u8(1) + who, fact, u8(0) + u16(len(sealed)) + sealed + u8(1) + AUDITOR + u16(len(copy)) + copy)
    return texts


person(ADMIN_A, 4, 1, 0xFFFFFFFF, b"admin-a")
person(ADMIN_B, 4, 2, 0xFFFFFFFF, b"admin-b")
person(AUDITOR, 6, 0, 0xFFFFFFFF, b"auditor")
person(CUSTODIAN, 5, 0, 0xFFFFFFFF, b"custodian")
out("person", person(WORKER, 1, 0, 1001, b"worker"))
row(u8(2) + u16(ROLE) + u32(1), ROLE_PK + u8(1) + u8(1) + u8(2) + noise(5, 64), u16(0))
row(u8(3) + u32(CLASS_KEY) + u32(1), CLASS_PK + u8(1) + u8(1), u16(0))
row(u8(4) + WORKER + u16(ROLE) + u32(1), u48(NOW - 1000) + u48(NOW + 3600000),
    pkseal(crypto_scalarmult_base(run(WORKER[0] + 1, 32)), 0xE0, ROLE_SK, 4, entity=WORKER, epoch=1, field=ROLE, version=1))
row(u8(5) + u32(CLASS_KEY) + u32(1) + u16(ROLE) + u32(1), u16(0),
    pkseal(ROLE_PK, 0xE1, CLASS_SK, 4, class_key=CLASS_KEY, epoch=1, generation=1, field=ROLE, version=2))
row(u8(6) + u16(ROLE) + u32(1) + CUSTODIAN, u8(1),
    pkseal(crypto_scalarmult_base(run(CUSTODIAN[0] + 1, 32)), 0xE2, SHARE, 12, entity=CUSTODIAN, epoch=1, field=ROLE, version=1))
digest = change(1, bytes(32))
out("fact", facts[4])
for i, (key, value) in enumerate(rows):
    out(f"dir_key_{i}", key)
    out(f"dir_value_{i}", value)
out("class_kek", blake("cv1.classkek", CLASS_SK, 32))
SESSION, SESSION_SK = run(0xF0, 16), run(0x0D, 32)
out("session_role", pkseal(crypto_scalarmult_base(SESSION_SK), 0xE3, ROLE_SK, 11, entity=SESSION, epoch=1, field=ROLE, writer=WORKER))


# ---- section 6: shred tree ------------------------------------------------------------------------------------------
K_TOP, FS, FS_EPOCH = run(0x1A, 32), run(0x1B, 32), 5
SLOT_SEQUENCE, ERASE_SERIAL, TOP_SEQUENCE, SHARD_SEQUENCE = 7, 2, 6, 4
shard = b"CVSH" + u8(1) + u8(1) + u16(1) + u64(SHARD_SEQUENCE) + seal(TOP[32:64], 0x2A, SHARD, 9, field=1, version=SHARD_SEQUENCE)
top = b"CVTP" + u8(1) + u8(1) + u16(0) + u64(TOP_SEQUENCE) + seal(K_TOP, 0x2B, TOP, 10, version=TOP_SEQUENCE)
# 32 KiB each: the digest stands for the file
out("shard_sha256", hashlib.sha256(shard).digest())
out("top_sha256", hashlib.sha256(top).digest())


def slot_clear(sequence, closed_size, closed_root):
    return b"CVSL" + u8(1) + u8(1) + u16(0) + u64(sequence) + u64(ERASE_SERIAL) + u64(closed_size) + closed_root


K_SLOT = blake("cv1.slot", ROOT, 32)
for number, name in enumerate("ab"):
    plain = K_TOP + FS + u32(FS_EPOCH) + u64(TOP_SEQUENCE)
    slot_file = slot_clear(SLOT_SEQUENCE, 500, run(0x3A, 32))
    slot_file += seal(K_SLOT, 0x2C + number, plain, 20, field=number, version=SLOT_SEQUENCE)
    # zeros follow, to 4,096 bytes
    out(f"root_slot_{name}", slot_file + blake("cv1.check", K_SLOT, 16, slot_file))
out("fs_signature", sign(blake("cv1.fs.sign", FS, 32), NOTE))
out("fs_signature_next", sign(blake("cv1.fs.sign", blake("cv1.fs.next", FS, 32), 32), NOTE))
out("root_slot_next", slot_clear(SLOT_SEQUENCE + 1, 600, run(0x4A, 32)))


# ---- 5.2: a second change set gives the worker a personal role; section 3, kind 25: a data key granted to it ---------
PERSONAL, PERSONAL_SK, DATA_KEY = 0x8005, run(0x0E, 32), run(0x2F, 32)
PERSONAL_PK = crypto_scalarmult_base(PERSONAL_SK)
facts, rows = [], []
row(u8(2) + u16(PERSONAL) + u32(1), PERSONAL_PK + u8(1) + u8(1) + u8(0), u16(0), 2)
row(u8(4) + WORKER + u16(PERSONAL) + u32(1), u48(NOW - 1000) + u48(0),
    pkseal(crypto_scalarmult_base(run(WORKER[0] + 1, 32)), 0xE4, PERSONAL_SK, 4, entity=WORKER, epoch=1, field=PERSONAL, version=1), 2)
digest = change(2, digest)
for i, (key, value) in enumerate(rows):
    out(f"dir2_key_{i}", key)
    out(f"dir2_value_{i}", value)
out("granted", pkseal(PERSONAL_PK, 0xE5, DATA_KEY, 25, entity=RECORD, class_key=CLASS_KEY, epoch=1, generation=3, field=PERSONAL,
                      version=2, writer=WORKER))


# ---- 5.2, 5.5: a rekey of the role with a new epoch of the class: what is signed, and the rows it becomes -------------
ROLE2_SK, CLASS2_SK, SHARE2 = run(0x6A, 32), run(0x6B, 32), run(0x6C, 32)
ROLE2_PK, CLASS2_PK = crypto_scalarmult_base(ROLE2_SK), crypto_scalarmult_base(CLASS2_SK)
facts, rows = [], []
LINK = pkseal(CLASS2_PK, 0xD0, CLASS_SK, 4, class_key=CLASS_KEY, epoch=2, generation=1, version=3)
row(u8(2) + u16(ROLE) + u32(2), ROLE2_PK + u8(1) + u8(1) + u8(2) + noise(6, 64), u16(0), 3)
row(u8(3) + u32(CLASS_KEY) + u32(2), CLASS2_PK + u8(1) + u8(1), u16(112) + LINK, 3)
row(u8(4) + WORKER + u16(ROLE) + u32(2), u48(NOW - 1000) + u48(NOW + 3600000),
    pkseal(crypto_scalarmult_base(run(WORKER[0] + 1, 32)), 0xD1, ROLE2_SK, 4, entity=WORKER, epoch=2, field=ROLE, version=1), 3)
row(u8(5) + u32(CLASS_KEY) + u32(2) + u16(ROLE) + u32(2), u16(0),
    pkseal(ROLE2_PK, 0xD2, CLASS2_SK, 4, class_key=CLASS_KEY, epoch=2, generation=2, field=ROLE, version=2), 3)
row(u8(6) + u16(ROLE) + u32(2) + CUSTODIAN, u8(1),
    pkseal(crypto_scalarmult_base(run(CUSTODIAN[0] + 1, 32)), 0xD3, SHARE2, 12, entity=CUSTODIAN, epoch=2, field=ROLE, version=1), 3)
covered = change(3, digest)
for i, (key, value) in enumerate(rows):
    out(f"dir3_key_{i}", key)
    out(f"dir3_value_{i}", value)


def operation(number, change_set, facts, items):
    """The document, and both halves of an administrator's signature of it; what the second is of, b"" for nothing."""
    arguments = u32(len(change_set)) + change_set + u16(len(facts)) + b"".join(facts)
    arguments += u8(len(items)) + b"".join(u8(tag) + u32(len(item)) + item for tag, item in items)
    head = b"CVOP" + u8(1) + u8(1) + u16(number) + VAULT + run(0x71, 16) + u64(1234) + run(0x72, 32) + u48(NOW) + u48(NOW + 86400000)
    return head + blake("cv1.arguments", b"", 32, arguments) + arguments


def signature(document, second):
    first = b"cv1.operation".ljust(16, b"\0") + blake("cv1.operation", b"", 32, document[:124])
    return sign(run(ADMIN_A[0] + 2, 32), first) + (sign(run(ADMIN_A[0] + 2, 32), second) if second else bytes(64))


signed_facts = []
for key, value in rows[:-1]:
    fact_n = value[6] << 8 | value[7]
    fact, rest = value[8:8 + fact_n], value[8 + fact_n:]
    rest = b"" if key[0] == 3 else rest     # the link is made when it is carried out
    signed_facts.append(u8(len(key)) + key + u16(len(fact)) + fact + u16(len(rest)) + rest)
unsigned = rows[-1][1][:-161] + u8(0)
document = out("operation_rekey", operation(3, unsigned, signed_facts, [
    (2, run(0x77, 16)), (3, u16(ROLE) + u32(1)), (4, u32(CLASS_KEY) + u32(2)), (5, u8(1))]))
out("operation_rekey_signature", signature(document, b"cv1.change".ljust(16, b"\0") + covered))
out("operation_rekey_digest", blake("cv1.operation", b"", 32, document[:124]))
document = out("operation_remove", operation(6, b"", [], [(2, run(0x77, 16))]))
out("operation_remove_signature", signature(document, b""))

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "keys.txt"), "w", encoding="ascii") as f:
    f.write("# written by make.py, see there\n" + "\n".join(lines) + "\n")
