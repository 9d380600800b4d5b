#!/usr/bin/python3
"""Make format.txt: records, key and public files as a second implementation of docs/FORMAT.md sections 3, 4, 12 writes them.

Nothing of it comes from src/: hashlib gives BLAKE2b, python3-nacl the ciphers and X25519, the layouts are written out here from
the page. Inputs are the constants below; tests/unit/record_samples.h and the tests repeat them. Lines are frozen once a vault has
been written with them; new ones are added at the end.

    NAME BYTES      hexadecimal

Run it with Debian's interpreter: /usr/bin/python3 make.py
"""
import base64
import os
import struct
import sys

from nacl.bindings import (crypto_aead_chacha20poly1305_ietf_encrypt, crypto_aead_xchacha20poly1305_ietf_encrypt,
                           crypto_pwhash_ALG_ARGON2ID13, crypto_pwhash_alg, crypto_scalarmult, crypto_scalarmult_base,
                           crypto_sign, crypto_sign_seed_keypair)

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from common import blake, blake_block, lines, out, run, u8, u16, u32, u48, u64  # noqa: E402


def pad(data, block):
    return data + bytes(-len(data) % block)


def varint(v):
    groups = b""
    while v > 127:
        groups += u8(v & 127 | 128)
        v >>= 7
    return groups + u8(v)


# ---- inputs -------------------------------------------------------------------------------------------------------------
VAULT = run(0x01, 16)
RECORD = run(0x11, 16)
WRITER = run(0x21, 16)
K_HEAD = run(0x31, 32)
SHRED = run(0x51, 32)
SLOT = 1234
KEYRING_EPOCH = 1
HEAD_NONCE = run(0x71, 24)
LOG_KEY = run(0x91, 32)
IDENTITY, HEALTH, NOTES = 0x10 << 16, 0x50 << 16, 0xB0 << 16
CLASS_SK = run(0xA0, 32)
EPHEMERAL = run(0xC0, 32)
DATA_KEY = run(0xE0, 32)
WRAP_NONCE, SALT_HEALTH, SALT_IDENTITY, SALT_DROP = run(0x15, 24), run(0x25, 16), run(0x45, 16), run(0x35, 16)
ROW_NONCE, DROP_NONCE, HIST_NONCE, OTHER_NONCE = run(0x55, 24), run(0x75, 24), run(0x85, 24), run(0x65, 24)
EPOCH, BIRTH, GENERATION, ROW_VERSION, DROP_VERSION = 4, 3, 2, 7, 8


# ---- section 3 -----------------------------------------------------------------------------------------------------------
def context(kind, entity=bytes(16), class_key=0, epoch=0, generation=0, field=0, version=0, writer=bytes(16), length=0):
    ctx = b"CVX1" + u8(kind) + u8(1) + u16(1) + VAULT + entity + u32(class_key) + u32(epoch) + u32(generation) + u32(field)
    ctx += u64(version) + writer + u64(length) + bytes(8)
    assert len(ctx) == 96
    return ctx


out("context", context(11, RECORD, 0x01020304, 0x05060708, 0x090A0B0C, 0x0D0E0F10, 0x1112131415161718, WRITER, 0x191A1B1C1D1E1F20))


# ---- 4.1 head ------------------------------------------------------------------------------------------------------------
def head_plain(state, flags, area, due, created, updated, tokens, classes, creation, changes=None, planned=None):
    """tokens: (index id, epoch, token); classes: (class key id, generation, row version, its change or None, class version, drops, their digest);
    creation: N and digest; changes: (how many, digest, {change: N}) or None; planned: (area, day)."""
    count, history, nonces = changes or (0, b"", {})
    named = sorted({change for _, _, _, change, _, _, _ in classes if change})
    p = u8(3) + u8(state) + u8(flags) + u8(len(area)) + area + u16(due) + u48(created) + u48(updated) + LOG_KEY
    p += u8(len(tokens)) + u8(len(classes)) + u8(len(named)) + creation[0] + creation[1] + varint(count) + history
    if planned:
        p += u8(len(planned[0])) + planned[0] + u32(planned[1])
    p += b"".join(u16(index) + u32(epoch) + token for index, epoch, token in tokens)
    p += b"".join(varint(change) + nonces[change] for change in named)
    for key, generation, row_version, change, class_version, drops, digest in classes:
        p += u16(key >> 16) + u8((0 if change is None else 1) | (4 if drops else 0) | (8 if class_version > row_version else 0)) + varint(generation)
        if change is not None:
            p += varint(row_version) + u8([0, *named].index(change))
        if class_version > row_version:
            p += varint(class_version - row_version)
        p += u8(drops) + digest if drops else b""
    return pad(p, 64)


head = out("head_plain", head_plain(9, 1, b"330106", 2026 * 4 + 3, 1790000000123, 1790000999456,
                                    [(1, 1, run(0x60, 16)), (2, 1, run(0x40, 16))], [
    (IDENTITY, 1, 1, 0, 1, 0, b""),
    (HEALTH, GENERATION, ROW_VERSION, 6, DROP_VERSION, 1, run(0x90, 16)),
    (NOTES, 1, 0, None, 2, 2, run(0xB0, 16))], (OTHER_NONCE, run(0x80, 16)), (6, run(0xA0, 16), {6: ROW_NONCE})))


def seal(key, nonce, ctx, m):
    okm = blake("cv1.seal", key, 64, nonce, ctx)
    return nonce + okm[32:] + crypto_aead_xchacha20poly1305_ietf_encrypt(m, ctx, nonce, okm[:32])


KH = blake_block("cv1.headkey", K_HEAD, 32, SHRED)
prefix = u8(3) + u8(1) + u32(KEYRING_EPOCH) + u32(SLOT) + RECORD
out("head_stored", prefix + seal(KH, HEAD_NONCE, context(5, RECORD, epoch=KEYRING_EPOCH, field=SLOT, length=len(head)), head))


# ---- 4.5 values ----------------------------------------------------------------------------------------------------------
def items(values):
    return u16(len(values)) + b"".join(u8(t) + u32(len(v)) + v for t, v in values)


def group(members):
    return u16(len(members)) + b"".join(u8(len(n)) + n + u8(t) + u32(len(v)) + v for n, t, v in members)


NAME = "王小满".encode()
GUARDIAN = group([(b"age", 2, struct.pack(">q", 61)), (b"living", 1, b"\1"), (b"name", 3, NAME),
                  (b"phones", 6, items([(3, b"571-0001"), (3, b"571-0002")]))])
out("value_group", GUARDIAN)
LIST = out("value_list", items([(5, b"A01"), (4, b"2026-11-24"), (2, struct.pack(">q", -2)), (7, group([(b"x", 6, items([]))]))]))


# ---- 4.3 rows, 4.4 drops --------------------------------------------------------------------------------------------------
SHORT = 128     # padded bytes of the longest value that stands in the first piece


def first_piece(values, provenances):
    """Index without and with the short values; values: (field, type, provenance, value, padded length)."""
    index, before = varint(len(values)) + u8(len(provenances)), 0
    for field, kind, provenance, value, padded in values:
        index += varint(field - before) + u8(kind) + (u8(provenance) if len(provenances) > 1 else b"")
        index += varint(len(value)) + varint(padded - len(value))
        before = field
    index += b"".join(u16(s) + w + u48(ms) + varint(as_of) + varint(due) for s, w, ms, as_of, due in provenances)
    short = b"".join(value.ljust(padded, b"\0") for _, _, _, value, padded in values if padded <= SHORT)
    return index, pad(index + short, 16)


def row(data_key, ctx_of, nonce, values, provenances, is_drop=False):
    _, first = first_piece(values, provenances)
    prefix = u8(2) + u8(1) + (nonce if is_drop else b"") + varint(len(first) + 16)
    long = [(field, value.ljust(padded, b"\0")) for field, _, _, value, padded in values if padded > SHORT]
    total = len(prefix) + 16 + len(first) + 16 + sum(len(value) + 16 for _, value in long)
    okm = blake("cv1.row", data_key + SHRED, 48, nonce, ctx_of(total))

    def piece(field, m):
        return crypto_aead_chacha20poly1305_ietf_encrypt(m, b"", u32(field) + bytes(8), okm[:32])

    stored = prefix + okm[32:] + piece(0, first) + b"".join(piece(field, value) for field, value in long)
    assert len(stored) == total
    return stored


PROVENANCES = [(0x0101, WRITER, 1790000999456, 20780, 0), (0x0202, run(0x61, 16), 1790000111222, 0, 21000)]
ROW_VALUES = [(257, 3, 0, NAME, 16), (258, 1, 1, b"\1", 8), (259, 2, 0, struct.pack(">q", -40), 8), (260, 4, 0, b"2019-02-28", 10),
              (261, 7, 1, GUARDIAN, 128), (300, 3, 0, b"a" * 130, 256), (301, 3, 1, b"b" * 200, 256), (16383, 15, 0, b"", 16)]
DROP_VALUES = [(257, 0, 0, b"", 16), (259, 2, 0, struct.pack(">q", 3), 8)]
index, first = first_piece(ROW_VALUES, PROVENANCES)
out("row_index", index)
out("row_first", first)
out("drop_first", first_piece(DROP_VALUES, PROVENANCES[:1])[1])
out("row_first_empty", first_piece([], [])[1])


# ---- 4.2 keys row ---------------------------------------------------------------------------------------------------------
def wrapped(kek, nonce, ctx, data_key):
    return crypto_aead_chacha20poly1305_ietf_encrypt(data_key, b"", bytes(12), blake("cv1.wrap", kek, 32, nonce, ctx))


def entry(class_key, generation, birth, drop_version, salt=b""):
    return u16(class_key >> 16) + varint(generation) + varint(birth) + varint(drop_version) + salt


def key_context(class_key, wrapping, generation, drop_version, salt=bytes(16)):
    return context(2, RECORD, class_key, wrapping, generation, 0, drop_version, salt, length=32)


KEK = out("kek", blake("cv1.classkek", CLASS_SK, 32))
IDENTITY_KEK = blake("cv1.classkek", run(0x77, 32), 32)
FAR = 300       # a generation of two groups of bits
DATA_KEY_1 = out("data_key_1", blake_block("cv1.datakey", KEK, 32, key_context(HEALTH, EPOCH, 1, 0, SALT_HEALTH)))
out("data_key_1_identity", blake_block("cv1.datakey", IDENTITY_KEK, 32, key_context(IDENTITY, 1, FAR, 0, SALT_IDENTITY)))
CLASS_PK, EPK = crypto_scalarmult_base(CLASS_SK), crypto_scalarmult_base(EPHEMERAL)
ss = crypto_scalarmult(EPHEMERAL, CLASS_PK)
DATA_KEY_3 = out("data_key_3", blake("cv1.datakey3", ss, 32, EPK, CLASS_PK, SALT_DROP, key_context(HEALTH, EPOCH, 0, DROP_VERSION)))
of_identity = entry(IDENTITY, FAR, 1, 0, SALT_IDENTITY)
keys = u8(2) + u8(1) + varint(3)
keys += u8(1) + u8(2) + entry(HEALTH, 1, EPOCH, 0, SALT_HEALTH) + of_identity
keys += u8(2) + u8(1) + WRAP_NONCE + entry(HEALTH, GENERATION, BIRTH, 0) + varint(EPOCH - BIRTH)
keys += wrapped(KEK, WRAP_NONCE, key_context(HEALTH, EPOCH, GENERATION, 0), DATA_KEY)
keys += u8(3) + u8(1) + EPK + entry(HEALTH, 0, EPOCH, DROP_VERSION, SALT_DROP)
out("keys_stored", keys)

# The same record when HEALTH has another epoch and the old one is to go: one group behind what stays, each data key as it was.
KEK_NEW = blake("cv1.classkek", run(0xB0, 32), 32)
NONCE_NEW = run(0x95, 24)
rewrapped = u8(2) + u8(1) + varint(2) + u8(1) + u8(1) + of_identity + u8(2) + u8(3) + NONCE_NEW
for generation, birth, drop_version, data_key in ((1, EPOCH, 0, DATA_KEY_1), (GENERATION, BIRTH, 0, DATA_KEY), (0, EPOCH, DROP_VERSION, DATA_KEY_3)):
    rewrapped += entry(HEALTH, generation, birth, drop_version) + varint(EPOCH + 1 - birth)
    rewrapped += wrapped(KEK_NEW, NONCE_NEW, key_context(HEALTH, EPOCH + 1, generation, drop_version), data_key)
out("keys_rewrapped", rewrapped)


# ---- 4.3, 4.4, 4.6: rows, drops and what becomes of both; the drop's data key is the one of its entry, type 3 ------------------
def row_context(n):
    return context(1, RECORD, HEALTH, BIRTH, GENERATION, 0, ROW_VERSION, length=n)


def drop_context(n):
    return context(14, RECORD, HEALTH, EPOCH, 0, 0, DROP_VERSION, length=n)


stored_row = out("row_stored", row(DATA_KEY, row_context, ROW_NONCE, ROW_VALUES, PROVENANCES))
out("row_stored_empty", row(DATA_KEY, row_context, ROW_NONCE, [], []))
stored_drop = out("drop_stored", row(DATA_KEY_3, drop_context, DROP_NONCE, DROP_VALUES, PROVENANCES[:1], True))
folded_drop = out("hist_drop", row(DATA_KEY, lambda n: context(14, RECORD, HEALTH, BIRTH, GENERATION, 0, DROP_VERSION, length=n),
                                  HIST_NONCE, DROP_VALUES, PROVENANCES[:1], True))


# ---- 4.6: what a change wrote; here a drop, as if another row had come before the one that it was folded into ------------------
def hist_row(class_key, what, generation, version, stored):
    return u16(class_key >> 16) + u8(what) + varint(generation) + varint(version) + varint(len(stored)) + stored


hist = out("hist_value", u8(1) + u8(1) + ROW_NONCE + hist_row(IDENTITY, 1, FAR, 70000, b"row") + hist_row(HEALTH, 2, GENERATION, DROP_VERSION, folded_drop) +
           hist_row(HEALTH, 1, GENERATION, ROW_VERSION, stored_row))


# ---- digests, keys of tables ------------------------------------------------------------------------------------------------
out("digest_rows", blake("cv1.digest", KH, 16, u32(IDENTITY), u32(3), b"row", u32(HEALTH), u32(len(stored_row)), stored_row))
digest = out("digest_drop", blake("cv1.drop", KH, 16, bytes(16), u64(DROP_VERSION), stored_drop))
out("digest_drop_2", blake("cv1.drop", KH, 16, digest, u64(DROP_VERSION + 1), b"drop"))
SERIAL = 0x010203040506
hist_key = out("hist_key", u48(SERIAL) + u32(2 ** 32 - 1 - 6))
dh = out("digest_hist", blake("cv1.hist", KH, 16, bytes(16), hist_key, hist))
out("digest_hist_2", blake("cv1.hist", KH, 16, dh, u48(SERIAL) + u32(2 ** 32 - 1 - 7), b"next"))
out("rec_key_head", u48(SERIAL) + u8(0) + u32(0))
out("rec_key_row", u48(SERIAL) + u8(2) + u32(HEALTH))
out("rec_key_drop", u48(SERIAL) + u8(3) + u32(HEALTH) + u64(DROP_VERSION))


# ---- 4.1 again: a head with everything that the first has not, and one with nothing ------------------------------------------
RIGHTS = 0xD0 << 16
out("head_planned", head_plain(3, 2, b"", 0, 1790000000123, 1790000000123, [], [
    (IDENTITY, 1, 3, 200, 3, 0, b""),
    (HEALTH, FAR, 70000, 2 ** 32 - 1, 70200, 64, run(0x90, 16)),
    (NOTES, 2, 3, 200, 4, 0, b""),
    (RIGHTS, 2 ** 32 - 1, 2 ** 32 - 1, 7, 2 ** 32 - 1, 0, b""),
    (0x40D1 << 16, 1, 0, None, 5, 0, b"")], (HIST_NONCE, bytes(16)), (2 ** 32 - 1, run(0xA1, 16), {200: OTHER_NONCE, 2 ** 32 - 1: ROW_NONCE, 7: DROP_NONCE}),
    planned=(b"330107000000", 20790)))
out("head_least", head_plain(1, 0, b"", 0, 0, 0, [], [], (bytes(24), bytes(16))))


# ---- 5.1: governance rows as they are sealed ----------------------------------------------------------------------------------
def gov_plain(state, due, serial, tags, document=b""):
    """Items by ascending tag; tag 4 says again what the prefix says in the clear."""
    tags = {**tags, 4: u8(state) + u32(due) + u48(serial)}
    items = b"".join(u16(tag) + u16(len(value)) + value for tag, value in sorted(tags.items()))
    return u16(len(tags)) + items + (u32(len(document)) + document if document else b"")


MADE = {1: run(0x20, 16), 2: run(0x30, 16), 3: u64(1790000000000)}
out("gov_prefix", u8(1) + u8(1) + u32(1) + u16(3) + u8(1) + u8(1) + u32(20800) + u48(9))
out("gov_assignment", gov_plain(1, 20800, 0, {**MADE, 5: u16(1) + u16(7), 7: run(0, 48), 9: u8(4), 18: "季度走访".encode()}))
out("gov_grant", gov_plain(1, 20800, 9, {**MADE, 5: u16(2), 6: run(0x40, 16), 8: u16(3) + u16(256), 12: u32(5), 13: u32(2), 17: run(0x60, 16),
                                         24: u32(HEALTH) + u32(2) + u32(1) + u16(0x8003) + u32(1) + run(5, 112)}))
out("gov_window", gov_plain(1, 20800, 0, {1: run(0x20, 16), 25: u48(77) + u48(1790000000000) + u8(1)}))
out("gov_policy", gov_plain(6, 20800, 0, {**MADE, 14: u8(4), 22: run(7, 64), 23: run(1, 32)}, b"document"))
out("gov_months", gov_plain(1, 20800, 0, {**MADE, 22: run(7, 64), 26: u32(202611), 30: run(0x80, 64)}))
out("gov_review", gov_plain(7, 20800, 0, {**MADE, 18: "季度走访".encode(), 23: run(2, 32), 26: u32(202611), 27: u64(70001), 28: run(1, 32),
                                          29: bytes(8) + u8(3) + u8(1) + bytes(7) + u8(1)}))


# ---- section 12: key file, public file ---------------------------------------------------------------------------------------
BOX_SK, SIGN_SEED = run(0x22, 32), run(0x42, 32)
PASSPHRASE, KIB, PASSES, SALT, FILE_NONCE = "一路平安 correct horse".encode(), 65536, 3, run(0x62, 16), run(0x82, 24)
ANSWER, OWNER = run(0xB2, 32), "李明".encode()


def text(first, data):
    return first + b"\n" + base64.b64encode(data) + b"\n"


def keyfile(protection, vault, parameters, body):
    return text(b"childvault-key-1", u8(1) + u8(1) + u8(protection) + WRITER + vault + parameters + body)


def keyfile_sealed(vault, answer):
    ctx = b"CVX1" + u8(23) + u8(1) + u16(1) + vault + WRITER + bytes(40) + u64(64) + bytes(8)
    assert len(ctx) == 96
    kek = blake("cv1.kek", PW, 32, answer)
    return keyfile(1, vault, u32(KIB) + u32(PASSES) + SALT, seal(kek, FILE_NONCE, ctx, BOX_SK + SIGN_SEED))


PW = out("keyfile_pw", crypto_pwhash_alg(32, PASSPHRASE, SALT, PASSES, KIB * 1024, crypto_pwhash_ALG_ARGON2ID13))
out("keyfile_question", blake("cv1.pep.q", PW, 32))
out("keyfile_plain", keyfile(0, VAULT, bytes(24), BOX_SK + SIGN_SEED))
out("keyfile_sealed", keyfile_sealed(VAULT, ANSWER))
out("keyfile_unbound", keyfile_sealed(bytes(16), bytes(32)))
SIGN_PK, SIGN_SK = crypto_sign_seed_keypair(SIGN_SEED)
public = u8(1) + u8(1) + WRITER + crypto_scalarmult_base(BOX_SK) + SIGN_PK + u8(len(OWNER)) + OWNER
out("pubfile", text(b"childvault-public-1", public + crypto_sign(b"cv1.proof".ljust(16, b"\0") + public, SIGN_SK)[:64]))

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "format.txt"), "w", encoding="ascii") as f:
    f.write("# written by make.py, see there\n" + "\n".join(lines) + "\n")
