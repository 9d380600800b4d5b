"""A second reader of receipts, written from docs/FORMAT.md sections 9, 10 and 14 alone: nothing of it comes from src/.

    receipt.py FILE VKEY    prints the list as JSON; exit code 3 if it does not hold
"""
import base64
import hashlib
import json
import sys

from nacl import exceptions
from nacl.bindings import crypto_aead_chacha20poly1305_ietf_decrypt
from nacl.signing import VerifyKey

KINDS = {2: "read", 3: "create", 5: "grant", 6: "revoke", 10: "request", 15: "refused", 23: "reveal", 25: "patch", 26: "history",
         28: "decision", 33: "governance", 38: "receipt"}


class Bad(Exception):
    """The file is no receipt that holds."""


def must(holds, what):
    if not holds:
        raise Bad(what)


def blake(label, key, n, *parts):
    return hashlib.blake2b(b"".join(parts), digest_size=n, key=key, person=label.encode().ljust(16, b"\0")).digest()


def siphash128(key, data):
    """SipHash-2-4 with 128 bits of output."""
    mask = (1 << 64) - 1

    def turn(v):
        def left(x, n):
            return (x << n | x >> (64 - n)) & mask
        v[0] = (v[0] + v[1]) & mask
        v[1] = left(v[1], 13) ^ v[0]
        v[0] = left(v[0], 32)
        v[2] = (v[2] + v[3]) & mask
        v[3] = left(v[3], 16) ^ v[2]
        v[0] = (v[0] + v[3]) & mask
        v[3] = left(v[3], 21) ^ v[0]
        v[2] = (v[2] + v[1]) & mask
        v[1] = left(v[1], 17) ^ v[2]
        v[2] = left(v[2], 32)

    k0, k1 = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
    v = [0x736F6D6570736575 ^ k0, 0x646F72616E646F6D ^ k1 ^ 0xEE, 0x6C7967656E657261 ^ k0, 0x7465646279746573 ^ k1]
    data += bytes(-(len(data) + 1) % 8) + bytes([len(data) & 0xFF])
    for at in range(0, len(data), 8):
        m = int.from_bytes(data[at:at + 8], "little")
        v[3] ^= m
        turn(v)
        turn(v)
        v[0] ^= m
    out = b""
    for flip, at in ((0xEE, 2), (0xDD, 1)):
        v[at] ^= flip
        for _ in range(4):
            turn(v)
        out += (v[0] ^ v[1] ^ v[2] ^ v[3]).to_bytes(8, "little")
    return out


def unbase64(text, n=None):
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as e:
        raise Bad("base64") from e
    must(base64.b64encode(data) == text.encode() and (n is None or len(data) == n), "base64")
    return data


def number(text, top=2 ** 64 - 1):
    must(text.isascii() and text.isdigit() and (text == "0" or text[0] != "0") and int(text) <= top, "number")
    return int(text)


def hex_id(text):
    must(len(text) == 32 and all(c in "0123456789abcdef" for c in text), "id")
    return text


class Key:
    """A verifier key: NAME+HASH+BASE64(type, key)."""

    def __init__(self, line):
        self.name, mark, key = line.strip().split("+", 2)
        key = base64.b64decode(key)
        must(key[0] == 1 and len(key) == 33, "verifier key")
        self.id = hashlib.sha256(self.name.encode() + b"\n" + key).digest()[:4]
        must(self.id.hex() == mark, "verifier key")
        self.pk = VerifyKey(key[1:])

    def check(self, text, signatures):
        """One line is this key's, and every line that is verifies."""
        found = False
        for line in signatures:
            must(line.startswith("— ") and line.count(" ") == 2, "signature line")
            _, name, data = line.split(" ")
            data = unbase64(data)
            if name == self.name and data[:4] == self.id:
                try:
                    self.pk.verify(text.encode(), data[4:])
                except (exceptions.BadSignatureError, ValueError) as e:
                    raise Bad("signature") from e
                found = True
        must(found, "signature")


class Lines:
    def __init__(self, text):
        must(text.endswith("\n"), "the last line has no end")
        self.all, self.at = text.split("\n")[:-1], 0

    def peek(self):
        return self.all[self.at] if self.at < len(self.all) else None

    def take(self, word=""):
        line = self.peek()
        must(line is not None and line.startswith(word), f"{word or 'a line'} is expected")
        self.at += 1
        return line[len(word):]


def check_inclusion(index, size, leaf, hashes, root):
    """RFC 6962 section 2.1.1, as RFC 9162 section 2.1.3.2 spells it out."""
    fn, sn, r = index, size - 1, hashlib.sha256(b"\0" + leaf).digest()
    must(index < size, "index")
    for p in hashes:
        must(sn > 0, "proof")
        if fn & 1 or fn == sn:
            r = hashlib.sha256(b"\1" + p + r).digest()
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = hashlib.sha256(b"\1" + r + p).digest()
        fn, sn = fn >> 1, sn >> 1
    must(sn == 0 and r == root, "root")


def check_checkpoint(note, key):
    """Size and root that the log has signed."""
    must(len(note) >= 5 and note[3] == "" and note[0] == key.name, "checkpoint")
    key.check("\n".join(note[:3]) + "\n", note[4:])
    return number(note[1]), unbase64(note[2], 32)


def check_proof(text, key, index, leaf):
    lines = Lines(text)
    must(lines.take() == "c2sp.org/tlog-proof@v1" and number(lines.take("index ")) == index, "proof file")
    hashes = []
    while lines.peek():
        hashes.append(unbase64(lines.take(), 32))
    must(lines.take() == "", "proof file")
    size, root = check_checkpoint(lines.all[lines.at:], key)
    check_inclusion(index, size, leaf, hashes, root)


def open_box(key, header, box):
    try:
        return crypto_aead_chacha20poly1305_ietf_decrypt(box, header, bytes(12), key)
    except exceptions.CryptoError as e:
        raise Bad("box") from e


def check_leaf(leaf, page, days, line, keys, rest):
    """What one access claims, held against its leaf."""
    flags = int.from_bytes(leaf[2:4], "big")
    n = 90 + (32 if flags & 1 else 0)
    header, index, epoch = leaf[:n], int.from_bytes(leaf[4:12], "big"), int.from_bytes(leaf[18:22], "big")
    must(leaf[0] == 2 and flags & 4 and leaf[1] == line["kind"] and index == line["index"], "leaf")
    must(int.from_bytes(leaf[12:18], "big") == line["time"], "time")
    must(page["from"] <= index < page["end"] and page["from_ms"] <= line["time"] < page["to_ms"], "outside the page")
    must(epoch in days and siphash128(days[epoch], leaf[4:12]) == leaf[58:74], "tag")
    a = int.from_bytes(leaf[n:n + 2], "big")
    at = n + 2 + a
    b = leaf[at + 2:]
    must(int.from_bytes(leaf[at:at + 2], "big") == len(b), "body B")
    place = leaf[22:42] + leaf[4:12]
    told_hash = blake("cv1.leaf.c", keys[:32], 32, place)
    must(b[:32] == blake("cv1.leaf.c", b"", 32, told_hash, keys[32:]), "commitment")
    stop = 33 + 64 * b[32] + 16
    told = open_box(keys[:32], header, b[33:stop])
    count = told[25]
    want = bytes([line["view"]]) + b"".join(v.to_bytes(2, "big") for v in (line["role_id"], line["department_id"], line["purpose_id"], line["outcome"]))
    want += bytes.fromhex(line["approval"]) if line["approval"] else bytes(16)
    want += bytes([len(line["classes"])]) + b"".join(c.to_bytes(2, "big") for c in line["classes"])
    must(told[:26 + 2 * count] == want and not any(told[len(want):]), "told")
    if rest is not None:
        must(blake("cv1.leaf.c", rest, 32, place) == keys[32:], "key")
        must(open_box(rest, header, b[stop:])[:16].hex() == page["record"], "record")


def read_page(lines, key, before):
    start = lines.at
    must(lines.take() == "childvault-receipt-1" and lines.take("origin ") == key.name, "page")
    page = {"vault": hex_id(lines.take("vault ")), "record": hex_id(lines.take("record ")), "for": lines.take("for ")}
    must(page["for"] in ("child", "guardian", "auditor"), "for")
    number(lines.take("made "))
    since, to = lines.take("period ").split(" ", 1)
    page["from_ms"], page["to_ms"] = number(since), 2 ** 64 - 1 if to == "-" else number(to, 2 ** 64 - 2)
    first, end = lines.take("leaves ").split(" ", 1)
    page["from"], page["end"] = number(first), number(end)
    more = lines.take("more ")
    must(more in ("yes", "no") and page["from"] <= page["end"], "page")
    tree = unbase64(lines.take("checkpoint ")).decode().split("\n")
    must(tree[-1] == "" and check_checkpoint(tree[:-1], key)[0] >= page["end"], "the checkpoint is older than the page")
    if before is not None:
        must(before["end"] == page["from"] and all(before[k] == page[k] for k in ("vault", "record", "for", "from_ms", "to_ms")), "pages")
    names, days, found, checks = {}, {}, [], []
    while (line := lines.peek()) and line.split(" ")[0] in ("role", "department", "purpose", "class"):
        part, ident, name = lines.take().split(" ")
        names[part, number(ident, 65535)] = name
        must(lines.take("zh ") and lines.take("en "), "labels")
    while (line := lines.peek()) and line.startswith("day "):
        epoch, day = lines.take("day ").split(" ")
        must(not days or number(epoch) > max(days), "days")
        days[number(epoch, 2 ** 32 - 1)] = unbase64(day, 16)
    while (line := lines.peek()) and line.startswith("access "):
        w = lines.take("access ").split(" ")
        must(len(w) == 10 and (not found or number(w[0]) > found[-1]["index"]), "access")
        x = {"index": number(w[0]), "time": number(w[1]), "kind": number(w[2], 255), "role_id": number(w[3], 65535),
             "department_id": number(w[4], 65535), "purpose_id": number(w[5], 65535), "view": number(w[6], 2), "outcome": number(w[7], 65535),
             "approval": None if w[8] == "-" else hex_id(w[8]), "classes": [] if w[9] == "-" else [number(c, 65535) for c in w[9].split(",")]}
        must(x["classes"] == sorted(set(x["classes"])) and x["approval"] != "0" * 32, "classes")
        leaf, keys = unbase64(lines.take("leaf ")), unbase64(lines.take("key "), 64)
        rest = unbase64(lines.take("rest "), 32) if page["for"] == "auditor" else None
        proof = unbase64(lines.take("proof "))
        check_leaf(leaf, page, days, x, keys, rest)
        checks.append((proof, x["index"], leaf))
        x["role"] = names.get(("role", x["role_id"]))
        found.append(x)
    body = "\n".join(lines.all[start:lines.at]) + "\n"
    must(lines.take() == "" and lines.take() == key.name + "/receipt", "signature")
    digest = lines.take()
    must(unbase64(digest, 32) == hashlib.sha256(body.encode()).digest() and lines.take() == "", "digest")
    key.check(f"{key.name}/receipt\n{digest}\n", [lines.take("")])
    for proof, index, leaf in checks:
        check_proof(proof.decode(), key, index, leaf)
    return page, found, more == "yes"


def read(path, vkey):
    """The accesses of a receipt that holds, else Bad."""
    try:
        with open(path, "rb") as f:
            lines = Lines(f.read().decode())
        with open(vkey, encoding="utf-8") as f:
            key = Key(f.read())
    except UnicodeDecodeError as e:
        raise Bad("no UTF-8") from e
    found, page, more = [], None, True
    while more:
        try:
            page, part, more = read_page(lines, key, page)
        except (IndexError, UnicodeDecodeError, ValueError) as e:
            raise Bad("no page") from e
        found += part
    must(lines.peek() is None, "something follows")
    return found


def holds(path, vkey):
    try:
        read(path, vkey)
    except Bad:
        return False
    return True


def same(listed):
    """The accesses as childvault-audit prints them, in the numbers of this reader."""
    numbers = {name: kind for kind, name in KINDS.items()}
    return [{"index": x["index"], "kind": numbers[x["kind"]], "role": x["role"]} for x in listed]


if __name__ == "__main__":
    try:
        print(json.dumps(read(sys.argv[1], sys.argv[2])))
    except Bad as bad:
        print(f"receipt.py: {bad}", file=sys.stderr)
        sys.exit(3)
