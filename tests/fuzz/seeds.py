#!/usr/bin/python3
"""Write the seeds of the fuzz targets, tests/fuzz/corpus/NAME/..., anew: one well-formed input or a few for each decoder.

    seeds.py [POLICY]       POLICY: a document of `childvault policy compile`, taken as the seed of fuzz_policy

Records come from tests/vectors/format/format.txt, the rest is written out here from docs/FORMAT.md. All data is synthetic.
Seeds of fuzz_http and fuzz_message are kept by hand.
"""
import base64
import hashlib
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
VECTORS = os.path.join(HERE, "..", "vectors", "format", "format.txt")


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


def run(first, n):
    return bytes((first + i) & 0xFF for i in range(n))


def pad(data, block):
    return data + bytes(-len(data) % block)


def seed(target, name, data):
    folder = os.path.join(HERE, "corpus", "fuzz_" + target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


vector = dict(line.split() for line in open(VECTORS, encoding="ascii") if not line.startswith("#"))
vector = {name: bytes.fromhex(text) for name, text in vector.items()}

# ---- section 4 -----------------------------------------------------------------------------------------------------------
for name in ("plain", "planned", "least", "stored"):
    seed("head", name, vector["head_" + name])
for name in ("row_first", "row_first_empty", "drop_first", "row_stored", "row_stored_empty", "drop_stored"):
    seed("row", name.replace("_", "-"), vector[name])
seed("hist", "three-rows", vector["hist_value"])
seed("wraps", "three-types", vector["keys_stored"])
seed("wraps", "rewrapped", vector["keys_rewrapped"])
seed("wraps", "empty", u8(2) + u8(1) + u8(0))
seed("value", "group", u8(7) + vector["value_group"])
seed("value", "list", u8(6) + vector["value_list"])
for number, value in ((0, b""), (1, b"\1"), (2, run(0xF0, 8)), (3, "王小满".encode()), (4, b"2026-11-24"), (5, b"A01"), (15, b"")):
    seed("value", f"type-{number}", u8(number) + value)
deep = u16(0)
for _ in range(3):
    deep = u16(1) + u8(6) + u32(len(deep)) + deep
seed("value", "deep", u8(6) + deep)

# ---- section 11, operator, type and validator as fuzz_view has them --------------------------------------------------------
for op, kind, validator, value in (
    (1, 3, 1, "欧阳小满"), (2, 3, 0, "小满"), (3, 3, 3, "11010519491231002X"), (3, 3, 14, "G11010519491231002X"), (4, 3, 9, "0371-65912345"),
    (5, 3, 0, "河南省周口市鹿邑县红旗镇李庄村3组"), (6, 3, 0, "新疆生产建设兵团第八师121团5连"), (6, 5, 8, "410122100201"), (8, 4, 5, "2015-03-02"),
    (9, 3, 15, "6222021234567890128"), (10, 3, 11, "11010519491231002X42B1"), (12, 3, 0, "某县实验小学"), (13, 3, 7, "Q330123456"),
    (17, 5, 8, "410122"), (19, 5, 0, "a")):
    seed("view", f"op-{op}-{kind}-{validator}", u8(op) + u8(kind) + u8(validator) + value.encode())
seed("view", "op-11-2-17", u8(11) + u8(2) + u8(17) + u64(500))
contact = u16(2) + u8(4) + b"name" + u8(3) + u32(9) + "王小满".encode() + u8(5) + b"phone" + u8(3) + u32(11) + b"13812345678"
seed("view", "contact", u8(20) + u8(7) + u8(0) + contact)
seed("view", "count", u8(18) + u8(6) + u8(0) + u16(1) + u8(7) + u32(len(contact)) + contact)

# ---- section 9 -----------------------------------------------------------------------------------------------------------
told = u8(2) + u16(3) + u16(0x101) + u16(1) + u16(0) + run(9, 16) + u8(2) + u16(0x10) + u16(0x40)
rest = run(1, 16) + u32(1) + u8(3) + b"\1\2\4" + u8(4) + b"2026" + u16(5) + b"visit"
actor = run(1, 16) + run(2, 16) + run(3, 16) + run(4, 16) + u32(1000) + u32(4242) + u16(0) + u16(3) + u16(0x101) + u16(1) + u8(2) + u16(3) + run(8, 8)
seed("leaf", "told", pad(told, 64))
seed("leaf", "rest", pad(rest, 64))
seed("leaf", "actor", pad(actor + u8(0), 64))
seed("leaf", "actor-detail", pad(actor + u8(1) + told + rest, 64))


def leaf(kind, flags, a, b, state=b""):
    header = u8(2) + u8(kind) + u16(flags) + u64(7) + u48(1790000000123) + u32(3) + run(1, 16) + u32(2) + run(2, 16) + run(3, 16)
    return header + run(4, 16) + state + u16(len(a)) + a + u16(len(b)) + b


seed("leaf", "read", leaf(2, 4, run(0, 16 + 128), run(0, 32) + u8(1) + run(0, 16 + 64) + run(0, 16 + 128)))
seed("leaf", "patch", leaf(25, 5, run(0, 16 + 128), run(0, 32) + u8(1) + run(0, 16 + 64) + run(0, 16 + 128), run(5, 32)))
seed("leaf", "start", leaf(17, 2, u8(1) + u64(2) + u64(0) + u8(5) + b"0.1.0", b""))
seed("leaf", "refused", leaf(15, 0, run(0, 16 + 128), b""))

# ---- 5.2, the first byte as fuzz_directory has it --------------------------------------------------------------------------
for name, key in (("principal", u8(1) + run(1, 16)), ("role", u8(2) + u16(3) + u32(1)), ("class", u8(3) + u32(0x100000) + u32(1)),
                  ("member", u8(4) + run(1, 16) + u16(3) + u32(1)), ("grant", u8(5) + u32(0x100000) + u32(1) + u16(3) + u32(1)),
                  ("custody", u8(6) + u16(3) + u32(1) + run(1, 16)), ("change", u8(7) + u32(1))):
    seed("directory", "key-" + name, u8(0) + key)
fact = u8(1) + u8(0) + u32(0xFFFFFFFF) + run(1, 32) + run(2, 32) + run(3, 16) + u16(0x101) + u48(1790000000123) + u48(0)
seed("directory", "value", u8(1) + u8(1) + u8(1) + u32(1) + u16(len(fact)) + fact + run(7, 40))
seed("directory", "principal", u8(2) + fact)
seed("directory", "administrator", u8(2) + u8(4) + u8(2) + fact[2:])
seed("directory", "role", u8(3) + run(1, 32) + u8(1) + u8(1) + u8(2) + run(2, 64))
seed("directory", "class", u8(3) + run(1, 32) + u8(1) + u8(1))
seed("directory", "member", u8(4) + u48(1790000000123) + u48(1890000000123))
seed("directory", "grant", u8(4) + u16(0))
seed("directory", "custody", u8(4) + u8(2))
seed("directory", "person", u8(5) + u8(0) + u16(100) + run(1, 100) + u8(1) + run(2, 16) + u16(110) + run(3, 110))
seed("directory", "link", u8(6) + u16(112) + run(1, 112))
seed("directory", "no-link", u8(6) + u16(0))
covered = u8(1) + u8(1) + u32(1) + u48(1790000000123) + bytes(32) + u16(2) + run(1, 64)
seed("directory", "change", u8(7) + covered + run(2, 32) + u8(2) + (run(3, 16) + run(4, 64)) * 2)
seed("directory", "texts", u8(8) + b"".join(u8(len(t)) + t for t in (b"worker", "王".encode(), b"", b"post", b"530102")) + u48(0))

# ---- 5.3, 5.4 ---------------------------------------------------------------------------------------------------------------
seed("keyring", "demo", u8(1) + u8(1) + u8(0xFE) + bytes(2 + 8 + 16) + run(1, 104))
seed("keyring", "passphrase", u8(1) + u8(1) + u8(2) + bytes(2) + u32(262144) + u32(3) + run(1, 16) + run(2, 104))
seed("keyring", "quorum", u8(1) + u8(1) + u8(1) + u8(2) + u8(3) + bytes(24) + run(1, 64) + run(2, 104))
seed("keyring", "holders", u8(2) + u8(1) + u8(1) + u8(2) + u8(3) + bytes(24) + run(1, 64) + b"\1a\0" + u8(6) + "王小".encode() + run(2, 104))
seed("keyring", "keyring", u8(1) + u8(1) + u32(1) + run(1, 928 + 72))
seed("keyring", "frontier", u64(6) + u8(2) + run(1, 64))


# ---- section 5.1 ------------------------------------------------------------------------------------------------------------
def gov_row(kind, state, due, serial, tags, document=b""):
    """A row as it is opened: clear prefix, then items by tag; tag 4 holds what the prefix says in the clear."""
    tags = {**tags, 4: u8(state) + u32(due) + u48(serial)}
    items = b"".join(u16(t) + u16(len(v)) + v for t, v in sorted(tags.items()))
    tail = u32(len(document)) + document if document else b""
    return u8(1) + u8(1) + u32(1) + u16(kind) + u8(state) + u8(serial != 0) + u32(due) + u48(serial) + u16(len(tags)) + items + tail


made = {1: run(1, 16), 2: run(2, 16), 3: u64(1790000000000), 5: u16(2)}
seed("gov", "assignment", gov_row(2, 1, 20800, 0, {**made, 7: run(1, 16) + run(2, 16), 9: u8(4), 18: "季度走访".encode()}))
seed("gov", "grant", gov_row(3, 1, 20800, 9, {**made, 6: run(3, 16), 8: u16(3) + u16(9), 12: u32(5), 13: u32(1), 24: run(1, 130)}))
seed("gov", "request", gov_row(4, 6, 20800, 9, {**made, 6: run(3, 16), 8: u16(3), 14: u8(1), 18: b"nurse"}))
seed("gov", "export", gov_row(4, 7, 20800, 0, {**made, 8: u16(3), 11: b"1101", 12: u32(9), 14: u8(3), 15: run(4, 16), 16: u64(9), 20: run(1, 8),
                                               21: b"active"}))
seed("gov", "policy", gov_row(4, 6, 20800, 0, {**{t: made[t] for t in (1, 2, 3)}, 14: u8(4), 22: run(1, 64), 23: run(1, 32)}, run(1, 40)))
seed("gov", "delegation", gov_row(11, 3, 20800, 0, {**made, 11: b"11", 15: run(4, 16), 16: u64(9)}))
seed("gov", "review", gov_row(15, 7, 2**32 - 1, 0, {**{t: made[t] for t in (1, 2, 3)}, 18: b"roster", 23: run(1, 32), 26: u32(202611), 27: u64(70001),
                                                    28: run(2, 32), 29: run(1, 8) + u8(1) + run(2, 8) + u8(3)}))
seed("gov", "months", gov_row(16, 1, 2**32 - 1, 0, {**{t: made[t] for t in (1, 2, 3)}, 22: run(7, 64), 26: u32(202611), 30: run(1, 64)}))
seed("gov", "window", gov_row(12, 1, 20800, 0, {1: run(1, 16), 25: u48(1) + u48(9) + u8(0) + u48(2) + u48(10) + u8(1)}))
envelope = u8(1) + run(1, 32) + run(1, 16) + u8(0) + u8(0) + u16(0)
members = u16(1) + u8(4) + b"kind" + u8(3) + u32(4) + b"bulk"
seed("gov", "create", envelope + u8(8) + b"requests" + members)
seed("gov", "act", envelope + u8(8) + b"requests" + run(1, 16) + u8(7) + b"approve" + u16(0))
seed("gov", "list", envelope + u8(6) + b"grants" + u16(50) + u16(2) + b"ab" + members)
seed("gov", "records", envelope + u8(4) + b"1101" + u8(6) + b"2026Q4" + u8(0) + u16(50) + u16(0))
seed("gov", "objects", u16(2) + run(1, 16) + members + run(2, 16) + u16(0) + u16(2) + b"ab")
seed("gov", "listed", u16(1) + run(1, 16) + u8(6) + b"2026Q4" + u8(6) + b"active" + u8(2) + b"11" + u16(0))

# ---- section 6 --------------------------------------------------------------------------------------------------------------
seed("shred", "slot", b"CVSL" + u8(1) + u8(1) + u16(0) + u64(2) + u64(0) + u64(123) + run(1, 32) + run(2, 76 + 72 + 16))
seed("shred", "name", "shard-0001-0000000000000002")
seed("shred", "shard", b"CVSH" + u8(1) + u8(1) + u16(1) + u64(2) + bytes(32768 + 72))
seed("shred", "top", b"CVTP" + u8(1) + u8(1) + u16(0) + u64(1) + bytes(32768 + 72))


# ---- section 7 --------------------------------------------------------------------------------------------------------------
def block(items, flags=0, sequence=3):
    body = b"".join(items)
    n = len(pad(bytes(40) + body + bytes(20), 8))
    n = max(n, 64)
    puts, leaves = sum(i[0] != 3 for i in items), sum(i[0] == 3 for i in items)
    head = b"CVJB" + u8(1) + u8(flags) + u16(0) + u64(sequence) + u64(9) + u32(leaves) + u32(puts) + u32(n) + u32(0)
    front = (head + body).ljust(n - 20, b"\0") + run(1, 16)
    return front + u32(crc32c(front))


put = u8(1) + u8(4) + u8(11) + u32(20) + u48(1) + u8(0) + u32(0) + run(1, 20)
seed("block", "put-delete-leaf", block([put, u8(2) + u8(7) + u8(4) + run(1, 4), u8(3) + u16(100) + run(2, 100)]))
seed("block", "leaf", block([u8(3) + u16(5) + run(2, 5)]))
seed("block", "clean", block([], 1))

# ---- section 10 -------------------------------------------------------------------------------------------------------------
ORIGIN = "childvault.local/0102030405060708"


def b64(data):
    return base64.b64encode(data).decode()


text = f"{ORIGIN}\n42\n{b64(run(1, 32))}\n"
signature = f"\u2014 {ORIGIN} {b64(run(9, 4) + run(2, 64))}\n"
seed("note", "checkpoint", text + "\n" + signature + f"\u2014 {ORIGIN}/fs/0003 {b64(run(8, 4) + run(3, 64))}\n")
seed("note", "cosigned", text + "\n" + signature + f"\u2014 witness.example/w1 {b64(run(7, 4) + run(4, 72))}\n")
seed("note", "vkey", f"{ORIGIN}+01020304+{b64(u8(1) + run(1, 32))}\n")
seed("note", "tile", "tile/0/x001/234.p/12")

VECTORS_AUDIT = {}
with open(os.path.join(HERE, "..", "vectors", "audit", "audit.txt"), encoding="ascii") as f:
    for line in f:
        if not line.startswith("#"):
            name, _, value = line.strip().partition(" ")
            VECTORS_AUDIT[name] = bytes.fromhex(value)
for name in ("trust_policy", "proof", "witness_key", "cosigned"):
    seed("tlog", name, VECTORS_AUDIT[name])
key = VECTORS_AUDIT["vkey"].decode()
seed("tlog", "state", f"childvault-witness-1\nlog {key}epochs 0 3653 {run(1, 32).hex()}\nepochs 3653 3653 {run(2, 32).hex()}\n"
     f"tree 4711 {b64(run(3, 32))}\ncosigned 17 1795000000\n")
seed("tlog", "head", f"childvault-head-1\n{key}{VECTORS_AUDIT['checkpoint'].decode()}")
seed("tlog", "groups", VECTORS_AUDIT["trust_policy"].decode().split("group")[0] + "# two of one\ngroup a all audit.example.gov/w1\n\tgroup b any a \nquorum b\n")

# ---- section 14 ------------------------------------------------------------------------------------------------------------
page = f"childvault-receipt-1\norigin {ORIGIN}\nvault {run(1, 16).hex()}\nrecord {run(9, 16).hex()}\nfor auditor\nmade 1790000000123\n"
page += "period 5 1790000000000\nleaves 3 300\nmore no\ncheckpoint {b64(b'note')}\nrole 2 clerk\nzh 员\nen Clerk\nclass 16 person.short\nzh -\nen -\n"
page += f"day 0 {b64(run(1, 16))}\nday 1 {b64(run(2, 16))}\naccess 7 1789000000000 2 2 1 4 1 0 - 16,32\n"
page += f"leaf {b64(leaf(2, 4, run(0, 16 + 128), run(0, 32) + u8(1) + run(0, 16 + 64) + run(0, 16 + 128)))}\nkey {b64(run(1, 64))}\nrest {b64(run(3, 32))}\nproof {b64(b'x')}\n"
end = f"\n{ORIGIN}/receipt\n{b64(hashlib.sha256(page.encode()).digest())}\n\n\u2014 {ORIGIN} {b64(run(7, 4) + run(2, 64))}\n"
seed("receipt", "page", page + end)
seed("receipt", "pages", page.replace("more no", "more yes") + end + page.replace("leaves 3", "leaves 300").split("role")[0] + end)
seed("note", "entries", "entries/000")

# ---- section 12 -------------------------------------------------------------------------------------------------------------
head = u8(1) + u8(1)
plain = head + u8(0) + run(1, 16) + run(2, 16) + bytes(8 + 16) + run(3, 64)
locked = head + u8(1) + run(1, 16) + run(2, 16) + u32(262144) + u32(3) + run(4, 16) + run(5, 136)
public = head + run(1, 16) + run(2, 32) + run(3, 32) + u8(9) + "王小满".encode() + run(4, 64)
seed("keyfile", "plain", f"childvault-key-1\n{b64(plain)}\n")
seed("keyfile", "passphrase", f"childvault-key-1\n{b64(locked)}\n")
seed("keyfile", "months", f"childvault-months-1\n{b64(head + run(1, 16) + run(2, 16) + run(3, 112))}\n")
seed("keyfile", "lent", f"childvault-lent-1\n{b64(head + run(1, 16) + run(2, 16) + u8(2) + u32(202611) + run(3, 32) + u32(202701) + run(4, 32))}\n")
seed("keyfile", "public", f"childvault-public-1\n{b64(public)}\n")
seed("people", "three", b"CVPP\x01\x01" + bytes(range(32)) + (3).to_bytes(4, "big") + b"".join(bytes([i]) * 16 + (4 * i).to_bytes(2, "big") + bytes(4 * i) for i in (1, 2, 9)))

genesis = u8(4) + run(1, 16) + u48(1764000000000) + run(2, 32) + run(3, 32) + u32(3653) + u32(20416) + run(4, 32) + u8(2)
genesis += b"".join(run(i, 16) + run(i, 32) + run(i, 16) for i in (5, 6)) + u8(len(ORIGIN)) + ORIGIN.encode()
request = b"CVGR" + head + u16(9) + run(1, 9) + u32(7) + run(2, 7) + u32(5) + run(3, 5) + u16(2)
request += b"".join(u8(17) + u8(1) + run(i, 16) + u16(4) + run(i, 4) for i in (1, 2)) + u16(1) + run(1, 16) + u16(6) + run(2, 6)
seed("genesis", "body", genesis)
seed("genesis", "request", request)
seed("genesis", "signature", f"childvault-genesis-signature-1\n{b64(head + run(1, 16) + run(2, 16) + run(3, 64) + run(4, 64))}\n")

covered = u8(1) + u8(1) + u32(1) + u48(1764000000000) + bytes(32) + u16(1) + run(1, 32)
change = covered + hashlib.blake2b(covered, digest_size=32, person=b"cv1.change").digest() + u8(1) + run(1, 16) + run(2, 64)
document = b"CVDR" + head + u16(9) + run(1, 9) + u16(7) + run(2, 7) + u8(1) + run(3, 32)
document += u32(1) + u32(len(change)) + change + u32(2) + b"".join(u8(17) + u8(1) + run(i, 16) + u32(1) + u16(4) + run(i, 4) for i in (1, 2))
seed("directory_doc", "directory", document)

# a rekey and a removal are vectors
with open(os.path.join(HERE, "..", "vectors", "keys", "keys.txt"), encoding="ascii") as f:
    for line in f:
        if line.startswith(("operation_rekey ", "operation_remove ")):
            seed("operation", line.split()[0][10:], bytes.fromhex(line.split()[1]))


def operation(number, *items):
    arguments = u32(0) + u16(0) + u8(len(items)) + b"".join(u8(tag) + u32(len(item)) + item for tag, item in items)
    digest = hashlib.blake2b(arguments, digest_size=32, person=b"cv1.arguments").digest()
    times = u48(1764000000000) + u48(1764000060000)
    return b"CVOP" + head + u16(number) + run(1, 16) + run(2, 16) + u64(42) + run(3, 32) + times + digest + arguments


seed("operation", "rewrap", operation(5, (3, u16(1) + u32(1) + u16(2) + u32(3)), (4, u32(0x100000) + u32(2))))
seed("operation", "policy", operation(8, (6, b"CVPD\2\1" + u8(3) + b"abc" + u32(7))))
seed("operation", "split", operation(9, (7, u8(1) + u8(2) + u8(3) + b"\4Anna\3Ben\2Cy")))

share = u8(1) + u8(1) + u8(2) + u8(3) + u8(2) + u8(5) + run(0xA0, 4) + run(0xB0, 4) + run(0x10, 32)
lines = ["040G40R2 0PGA38N3 E", "P2RV5CRG 2491650N N", "2RBHG68T 3CE1T7GZ 6", "40GJ48S4 4MK2EA19 6", "58NJRB9E 5WQC6VA0 3"]
seed("share", "bytes", share)
seed("share", "text", "\n".join(lines))
seed("share", "file", "childvault-share-1\n# holder: a\n" + "".join(f"({i}) {line}\n" for i, line in enumerate(lines, 1)))
seed("share", "qr", "CVSHARE1:" + "".join(lines).replace(" ", ""))
seed("share", "typed", "".join(lines).lower().replace("0", "o").replace("1", "l") + "\r\n")
seed("share", "verdict", u8(2) + u8(0) + u8(4) + u8(3) + u8(5) + u16(9) + u8(0) + u8(1) + b"d")

# ---- what clients read ------------------------------------------------------------------------------------------------------
seed("answer", "length", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
seed("answer", "chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
seed("answer", "none", "HTTP/1.1 204 No Content\r\nETag: \"abc\"\r\n\r\n")
seed("answer", "chunk", "1a\r\n")
seed("proxy", "get", "GET /v1/records/00112233445566778899aabbccddeeff?fields=name HTTP/1.1\r\nHost: x\r\nCV-Purpose: visit\r\n\r\n")
seed("proxy", "length", "PATCH /v1/records/0 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}GET / HTTP/1.1\r\n\r\n")
seed("proxy", "chunked", "POST /v1/records:import HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1a\r\n" + "x" * 26 + "\r\n0\r\n\r\n")
seed("proxy", "logout", "DELETE /v1/sessions/current HTTP/1.1\r\nHost: x\r\n\r\n")
seed("proxy", "own", "GET / HTTP/1.0\r\nAuthorization: Bearer x\r\n\r\n")
seed("proxy", "chunks", "2\r\n{}\r\n0\r\n\r\nGET")
seed("answer", "slot", u8(2) + bytes(2) + u32(262144) + u32(3) + run(1, 16))

if len(sys.argv) > 1:
    with open(sys.argv[1], "rb") as f:
        seed("policy", "child-welfare", f.read())
