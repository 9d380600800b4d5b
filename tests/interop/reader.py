#!/usr/bin/python3
"""A second reader of a demo vault at rest, written from docs/FORMAT.md alone: it shares nothing with src/.

    reader.py DIR RECORD NAME [--views]

opens the record as the member whose key is DIR/keys/NAME.key does: unseal slot, keyring, shred tree, directory, head, keys row,
class rows and drops; it checks every signature, digest and padding on the way, and prints {field id: value} as JSON. With
--views it prints {class number: {field id: value}} for every class that the member's keys open, views included.

The daemon must have been stopped cleanly, so that all rows are in LMDB. Whatever is missing or does not fit ends it with exit 1
and one line "NAME: what", NAME being one of the classes of errors below.

Needs Debian's python3-nacl and python3-lmdb.
"""
import base64
import glob
import hashlib
import json
import os
import re
import struct
import sys

import lmdb
from nacl import exceptions
from nacl.bindings import (crypto_aead_chacha20poly1305_ietf_decrypt, crypto_aead_xchacha20poly1305_ietf_decrypt, crypto_scalarmult,
                           crypto_scalarmult_base)
from nacl.signing import VerifyKey


class Refused(Exception):
    """Base of the named errors."""


class BadFormat(Refused):
    pass


class BadSeal(Refused):
    """A commitment, tag, digest or signature that does not fit: a wrong key or changed bytes."""


class NoRootKey(Refused):
    pass


class NoKeyring(Refused):
    pass


class NoPrincipalKey(Refused):
    pass


class NoShredKey(Refused):
    pass


class NoRecord(Refused):
    pass


class NoKeysRow(Refused):
    pass


class NoRow(Refused):
    pass


class NotAMember(Refused):
    pass


# ---- bytes ----------------------------------------------------------------------------------------------------------------
class Reader:
    """A cursor; every object is read to its last byte."""

    def __init__(self, data, what):
        self.data, self.at, self.what = data, 0, what

    def take(self, n):
        if len(self.data) - self.at < n:
            raise BadFormat(f"{self.what}: cut")
        self.at += n
        return self.data[self.at - n:self.at]

    def uint(self, n):
        return int.from_bytes(self.take(n), "big")

    def rest(self):
        return self.take(len(self.data) - self.at)

    def end(self):
        if self.at != len(self.data):
            raise BadFormat(f"{self.what}: trailing bytes")

    def padding(self, block):
        left = self.rest()
        if len(left) >= block or any(left) or len(self.data) % block:
            raise BadFormat(f"{self.what}: padding")

    def opening(self):
        """Format 1, suite 1."""
        must(self.take(2) == b"\1\1", f"{self.what}: format or suite")
        return self


def must(holds, what):
    if not holds:
        raise BadFormat(what)


def u16(v):
    return struct.pack(">H", v)


def u32(v):
    return struct.pack(">I", v)


def u48(v):
    return struct.pack(">Q", v)[2:]


def u64(v):
    return struct.pack(">Q", v)


# ---- section 2 ------------------------------------------------------------------------------------------------------------
def h(label, key, n, *parts):
    return hashlib.blake2b(b"".join(parts), digest_size=n, key=key, person=label.encode().ljust(16, b"\0")).digest()


def open_body(key, nonce, ctx, body, what):
    okm = h("cv1.seal", key, 64, nonce, ctx)
    if body[:32] != okm[32:]:
        raise BadSeal(f"{what}: commitment")
    try:
        return crypto_aead_xchacha20poly1305_ietf_decrypt(body[32:], ctx, nonce, okm[:32])
    except exceptions.CryptoError as e:
        raise BadSeal(f"{what}: tag") from e


def open_seal(key, ctx, sealed, what):
    must(len(sealed) >= 72, f"{what}: too short for a SEAL")
    return open_body(key, sealed[:24], ctx, sealed[24:], what)


def open_pkseal(sk, ctx, sealed, what):
    must(len(sealed) >= 80, f"{what}: too short for a PKSEAL")
    pk = crypto_scalarmult_base(sk)
    key = h("cv1.pkseal", agree(sk, sealed[:32]), 32, sealed[:32], pk, ctx)
    return open_body(key, bytes(24), ctx, sealed[32:], what)


def agree(sk, pk):
    try:
        ss = crypto_scalarmult(sk, pk)
    except exceptions.RuntimeError as e:
        raise BadSeal("agreement with a point of low order") from e
    if not any(ss):
        raise BadSeal("agreement with a point of low order")
    return ss


def open_once(key, nonce, ciphertext, what):
    try:
        return crypto_aead_chacha20poly1305_ietf_decrypt(ciphertext, b"", nonce, key)
    except exceptions.CryptoError as e:
        raise BadSeal(f"{what}: tag") from e


# ---- section 3 ------------------------------------------------------------------------------------------------------------
def context(vault, kind, entity=bytes(16), class_key=0, epoch=0, generation=0, field=0, version=0, writer=bytes(16), length=0):
    ctx = b"CVX1" + bytes([kind, 1]) + u16(1) + vault + entity + u32(class_key) + u32(epoch) + u32(generation) + u32(field)
    return ctx + u64(version) + writer + u64(length) + bytes(8)


class Vault:
    def __init__(self, folder):
        self.folder = folder
        try:
            self.env = lmdb.open(os.path.join(folder, "store"), max_dbs=8, readonly=True, lock=False, create=False)
        except lmdb.Error as e:
            raise NoRecord(f"store: {e}") from e
        self.table = {name: self.env.open_db(name.encode(), create=False) for name in ("meta", "dir", "gov", "rec", "hist", "map")}
        self.read_vault_row()
        self.unseal()
        self.open_shred_tree()

    def get(self, table, key):
        with self.env.begin(db=self.table[table]) as txn:
            return txn.get(key)

    def scan(self, table, prefix=b""):
        with self.env.begin(db=self.table[table]) as txn:
            cursor = txn.cursor()
            if cursor.set_range(prefix):
                for key, value in cursor:
                    if not key.startswith(prefix):
                        return
                    yield key, value

    def meta(self, name):
        value = self.get("meta", name.encode().ljust(16, b"\0"))
        must(value is not None, f"meta row {name} is missing")
        return value

    def context(self, kind, **fields):
        return context(self.id, kind, **fields)

    # ---- 5.4, 5.3
    def read_vault_row(self):
        r = Reader(self.meta("vault"), "vault row").opening()
        flags = r.uint(1)
        self.id = r.take(16)
        r.uint(6)
        self.genesis = r.take(32)
        self.origin = r.take(r.uint(1)).decode()
        r.end()
        must(flags in (0, 1, 4), "vault row: flags, or a vault that is still pending")

    def root_key(self):
        """A demo vault's, from its file. Another vault's is whoever's who can open one of its slots."""
        try:
            with open(os.path.join(self.folder, "keys", "root.key"), "rb") as f:
                kek = f.read()
        except OSError as e:
            raise NoRootKey(str(e)) from e
        if len(kek) != 32:
            raise NoRootKey("keys/root.key has not 32 bytes")
        rk = None
        for number in range(4):
            row = self.get("meta", f"slot.{number}".encode().ljust(16, b"\0"))
            if row is None or row[2] != 0xFE:
                continue
            r = Reader(row, "unseal slot").opening()
            must(r.take(27) == b"\xfe" + bytes(26), "unseal slot: parameters of a demo slot")
            sealed = r.take(104)
            r.end()
            try:
                rk = open_seal(kek, self.context(22, field=number, length=32), sealed, "unseal slot")
            except BadSeal as e:
                raise NoRootKey(f"keys/root.key opens no slot: {e}") from e
        if rk is None:
            raise NoRootKey("there is no demo slot")
        return rk

    def unseal(self):
        rk = self.rk = self.root_key()
        r = Reader(self.meta("keyring"), "keyring").opening()
        self.epoch = r.uint(4)
        sealed = r.rest()
        plain = open_seal(rk, self.context(21, epoch=self.epoch, length=len(sealed) - 72), sealed, "keyring")
        if len(plain) != 29 * 32:
            raise NoKeyring(f"{len(plain)} bytes of keys")
        names = "row head set actor journal gov dir idem pepper decoy cursor fs log".split()
        self.key = {name: plain[32 * i:32 * i + 32] for i, name in enumerate(names)}

    # ---- section 6
    def open_shred_tree(self):
        slots = []
        for place, name in enumerate(("slot.a", "slot.b")):
            try:
                with open(os.path.join(self.folder, "shred", name), "rb") as f:
                    slots.append(self.root_slot(f.read(), place))
            except (OSError, Refused):
                continue
        if not slots:
            raise NoShredKey("neither root slot is there and valid")
        _, self.k_top, self.top_sequence = max(slots)
        self.shards = {}

    def root_slot(self, data, place):
        must(len(data) == 4096 and data[:8] == b"CVSL\1\1\0\0", "root slot")
        sequence = int.from_bytes(data[8:16], "big")
        end = 64 + 76 + 72
        must(data[end:end + 16] == h("cv1.check", h("cv1.slot", self.rk, 32), 16, data[:end]) and not any(data[end + 16:]), "root slot: check")
        ctx = self.context(20, field=place, version=sequence, length=76)
        plain = open_seal(h("cv1.slot", self.rk, 32), ctx, data[64:end], "root slot")
        return sequence, plain[:32], int.from_bytes(plain[68:76], "big")

    def tree_file(self, path, magic, number, sequence, key, ctx, what):
        try:
            with open(path, "rb") as f:
                data = f.read()
        except OSError as e:
            raise NoShredKey(str(e)) from e
        must(len(data) == 16 + 72 + 32768 and data[:16] == magic + b"\1\1" + u16(number) + u64(sequence), f"{what}: header")
        return open_seal(key, ctx, data[16:], what)

    def shred_key(self, slot):
        shard, position = divmod(slot, 1024)
        if shard not in self.shards:
            folder = os.path.join(self.folder, "shred")
            top = self.tree_file(os.path.join(folder, f"top-{self.top_sequence:016x}"), b"CVTP", 0, self.top_sequence, self.k_top,
                                 self.context(10, version=self.top_sequence, length=32768), "top of the shred tree")
            found = sorted(glob.glob(os.path.join(folder, f"shard-{shard:04x}-*")))
            if not found:
                raise NoShredKey(f"no file of shard {shard}")
            sequence = int(found[-1][-16:], 16)
            self.shards[shard] = self.tree_file(found[-1], b"CVSH", shard, sequence, top[32 * shard:32 * shard + 32],
                                                self.context(9, field=shard, version=sequence, length=32768), f"shard {shard}")
        return self.shards[shard][32 * position:32 * position + 32]


# ---- 5.2: who signed what ---------------------------------------------------------------------------------------------------
class Directory:
    def __init__(self, vault):
        self.vault, self.rows, self.changes = vault, {}, []
        for key, value in vault.scan("dir"):
            if key[0] == 7:
                self.changes.append((key, value))
            else:
                r = Reader(value, "directory row").opening()
                change, fact = r.uint(4), r.take(r.uint(2))
                self.rows[key] = (change, fact, r.rest())
        self.verify(self.genesis_administrators())
        for key, (_, _, rest) in self.rows.items():
            self.check_rest(key[0], Reader(rest, "what follows a fact"))

    @staticmethod
    def check_rest(kind, r):
        """Marks, links and wraps have their shape; what is in them is for whoever has the key."""
        if kind == 1:
            must(r.uint(1) <= 2, "principal's row: mark")
            r.take(r.uint(2))
            for _ in range(r.uint(1)):
                r.take(16)
                r.take(r.uint(2))
        elif kind == 2:
            must(r.uint(2) == 0, "role's row: a link")
        elif kind == 3:
            must(r.take(r.uint(2)) == b"" or r.at == 2 + 112, "class's row: link")
        elif kind in (4, 5, 6):
            r.take(112)
        r.end()

    def genesis_administrators(self):
        """{id: (Ed25519 key, person)} of leaf 0, which the vault row names by its hash."""
        leaf = None
        for path in ("tile/entries/000", "tile/entries/000.p/*", "tail"):
            for name in sorted(glob.glob(os.path.join(self.vault.folder, "log", path))):
                with open(name, "rb") as f:
                    data = f.read()
                if leaf is None and len(data) > 2:
                    leaf = data[2:2 + int.from_bytes(data[:2], "big")]
        must(leaf is not None, "the log has no leaf 0")
        if hashlib.sha256(b"\0" + leaf).digest() != self.vault.genesis:
            raise BadSeal("leaf 0 is not the one that the vault row names")
        r = Reader(leaf, "leaf 0")
        must(r.take(2) == b"\1\0", "leaf 0")
        flags = r.uint(2)
        r.take(90 - 4 + (32 if flags & 1 else 0))
        body = Reader(r.take(r.uint(2)), "genesis")
        body.take(1 + 16 + 6 + 32 + 32 + 4 + 4 + 32)
        found = {}
        for _ in range(body.uint(1)):
            principal, pk, person = body.take(16), body.take(32), body.take(16)
            found[principal] = (pk, person)
        return found

    def verify(self, administrators):
        previous, digests = bytes(32), {}
        for number, (key, value) in enumerate(self.changes, 1):
            r = Reader(value, "change set").opening()
            must(r.uint(4) == number and key == b"\7" + u32(number), "change sets are not in sequence")
            r.uint(6)
            if r.take(32) != previous:
                raise BadSeal("the chain of change sets is broken")
            facts = [r.take(32) for _ in range(r.uint(2))]
            previous = h("cv1.change", b"", 32, value[:r.at])
            if r.take(32) != previous:
                raise BadSeal("digest of a change set")
            signers = set()
            for _ in range(r.uint(1)):
                principal, signature = r.take(16), r.take(64)
                if principal not in administrators:
                    raise BadSeal("a change set is signed by a stranger")
                pk, person = administrators[principal]
                try:
                    VerifyKey(pk).verify(b"cv1.change".ljust(16, b"\0") + previous, signature)
                except exceptions.BadSignatureError as e:
                    raise BadSeal("signature of a change set") from e
                signers.add(person)
            r.end()
            if len(signers) < 2:
                raise BadSeal("a change set without two persons' signatures")
            digests[number] = facts
        for key, (change, fact, _) in self.rows.items():
            digest = h("cv1.fact", b"", 32, self.vault.id, bytes([len(key)]), key, u16(len(fact)), fact)
            if digest not in digests.get(change, ()):
                raise BadSeal("a directory row that nobody signed")

    def public(self, key):
        must(key in self.rows, "a wrap of a key that the directory does not know")
        return self.rows[key][1][:32]

    def opened(self, sk, key, ctx, what):
        """Open the wrap of a row's rest; the secret must belong to the public key that was signed."""
        return open_pkseal(sk, ctx, self.rows[key][2], what)

    def role_keys(self, principal, sk):
        """{(role, epoch): secret key}"""
        found = {}
        for key in self.rows:
            if key[0] == 4 and key[1:17] == principal:
                role, epoch = struct.unpack(">HI", key[17:])
                ctx = self.vault.context(4, entity=principal, epoch=epoch, field=role, version=1, length=32)
                secret = self.opened(sk, key, ctx, "role key")
                if crypto_scalarmult_base(secret) != self.public(b"\2" + key[17:]):
                    raise BadSeal("a role key that is not the directory's")
                found[role, epoch] = secret
        return found

    def class_keys(self, roles):
        """{(class key id, epoch): secret key}"""
        found = {}
        for key in self.rows:
            if key[0] != 5:
                continue
            class_key, epoch, role, role_epoch = struct.unpack(">IIHI", key[1:])
            if (role, role_epoch) not in roles:
                continue
            ctx = self.vault.context(4, class_key=class_key, epoch=epoch, generation=role_epoch, field=role, version=2, length=32)
            secret = self.opened(roles[role, role_epoch], key, ctx, "class key")
            if crypto_scalarmult_base(secret) != self.public(b"\3" + key[1:9]):
                raise BadSeal("a class key that is not the directory's")
            found[class_key, epoch] = secret
        for class_key, epoch in list(found):
            self.follow_links(class_key, epoch, found)
        return found

    def follow_links(self, class_key, epoch, found):
        """Each epoch of a class has the secret of the one before sealed to it, until a re-wrap has been through."""
        while epoch > 1 and (class_key, epoch - 1) not in found:
            link = self.rows[b"\3" + u32(class_key) + u32(epoch)][2][2:]
            if not link:
                return
            ctx = self.vault.context(4, class_key=class_key, epoch=epoch, generation=epoch - 1, version=3, length=32)
            secret = open_pkseal(found[class_key, epoch], ctx, link, "link of a class")
            epoch -= 1
            if crypto_scalarmult_base(secret) != self.public(b"\3" + u32(class_key) + u32(epoch)):
                raise BadSeal("a link to a key that is not the directory's")
            found[class_key, epoch] = secret


# ---- section 12 ---------------------------------------------------------------------------------------------------------------
def principal_key(vault, name):
    """Principal id and X25519 secret key."""
    try:
        with open(os.path.join(vault.folder, "keys", name + ".key"), "r", encoding="ascii") as f:
            text = f.read()
    except OSError as e:
        raise NoPrincipalKey(str(e)) from e
    match = re.fullmatch(r"childvault-key-1\n([A-Za-z0-9+/=]+)\n", text)
    if match is None:
        raise NoPrincipalKey("not a key file")
    r = Reader(base64.b64decode(match.group(1), validate=True), "key file").opening()
    if r.uint(1) != 0:
        raise NoPrincipalKey("the key file asks for a passphrase")
    principal, of = r.take(16), r.take(16)
    if of != vault.id:
        raise NoPrincipalKey("the key file is of another vault")
    must(not any(r.take(24)), "key file: parameters without a passphrase")
    sk = r.take(32)
    r.take(32)
    r.end()
    return principal, sk


# ---- section 4 ----------------------------------------------------------------------------------------------------------------
class Record:
    def __init__(self, vault, record):
        self.vault, self.id = vault, record
        self.serial = vault.get("map", record)
        if self.serial is None:
            raise NoRecord("no such record")
        head = self.row(0)
        if head is None:
            raise NoRecord("the head is missing")
        self.open_head(head)
        keys = self.row(1)
        if keys is None:
            raise NoKeysRow("the record's keys row is missing")
        self.wraps = self.read_keys(keys)

    def row(self, kind, class_key=0, drop=None):
        key = self.serial + bytes([kind]) + u32(class_key) + (b"" if drop is None else u64(drop))
        return self.vault.get("rec", key)

    def open_head(self, stored):
        r = Reader(stored, "head").opening()
        epoch, self.slot, record = r.uint(4), r.uint(4), r.take(16)
        if record != self.id:
            raise BadSeal("another record's head")
        sealed = r.rest()
        self.shred = self.vault.shred_key(self.slot)
        self.kh = h("cv1.headkey", self.vault.key["head"], 32, self.shred)
        ctx = self.vault.context(5, entity=record, epoch=epoch, field=self.slot, length=len(sealed) - 72)
        self.plain = open_seal(self.kh, ctx, sealed, "head")
        r = Reader(self.plain, "head")
        must(r.uint(1) == 1 and 1 <= r.uint(1) <= 13, "head: version or state")
        flags = r.uint(1)
        must(flags <= 3, "head: flags")
        area = r.uint(1)
        digits = r.take(12)
        must(area <= 12 and not any(digits[area:]) and (area == 0 or digits[:area].isdigit()), "head: area")
        r.take(2 + 6 + 6)
        self.log_key = r.take(32)
        tokens, classes = r.uint(1), r.uint(1)
        must(tokens <= 8 and classes <= 64, "head: counts")
        if flags & 2:
            area, digits, day = r.uint(1), r.take(12), r.uint(4)
            must(area <= 12 and not any(digits[area:]) and (area == 0 or digits[:area].isdigit()) and day > 0, "head: planned area")
        r.take(tokens * 22)
        self.classes = [self.head_class(r) for _ in range(classes)]
        r.padding(128)
        keys = [c["class"] for c in self.classes]
        must(keys == sorted(set(keys)), "head: order of classes")

    @staticmethod
    def head_class(r):
        c = {"class": r.uint(4), "flags": r.uint(1), "drops": r.uint(1), "generation": r.uint(4), "row": r.uint(4), "version": r.uint(4),
             "digest": r.take(16), "history": (0, bytes(16))}
        must(c["flags"] < 4 and c["drops"] <= 64 and c["generation"] > 0 and c["class"] & 0xFFFF == 0, "head: class")
        if c["flags"] & 2:
            c["history"] = (r.uint(4), r.take(16))
        must(bool(c["flags"] & 1) == (c["row"] > 0) and c["row"] + c["drops"] <= c["version"], "head: versions of a class")
        return c

    @staticmethod
    def read_keys(stored):
        """{(class key id, generation, drop): (type, N, epk, birth, wrapping, ciphertext)}"""
        r = Reader(stored, "keys row").opening()
        found = {}
        for _ in range(r.uint(2)):
            kind, count, nonce = r.uint(1), r.uint(1), r.take(24)
            must(kind in (2, 3) and count > 0, "keys row: group")
            epk = r.take(32) if kind == 3 else None
            for _ in range(count):
                class_key, generation, birth, wrapping, drop = (r.uint(4) for _ in range(5))
                must((class_key, generation, drop) not in found and 0 < birth <= wrapping, "keys row: wrap")
                found[class_key, generation, drop] = (kind, nonce, epk, birth, wrapping, r.take(48))
        r.end()
        return found

    def data_key(self, class_key, generation, drop, secrets):
        """Data key and birth epoch, or None if the member does not hold the class."""
        if (class_key, generation, drop) not in self.wraps:
            raise NoKeysRow(f"no wrap for class {class_key >> 16:#x}")
        kind, nonce, epk, birth, wrapping, ciphertext = self.wraps[class_key, generation, drop]
        sk = secrets.get((class_key, wrapping))
        if sk is None:
            return None
        ctx = self.vault.context(2, entity=self.id, class_key=class_key, epoch=wrapping, generation=generation, version=drop, length=32)
        if kind == 2:
            key = h("cv1.wrap", h("cv1.classkek", sk, 32), 32, nonce, ctx)
        else:
            key = h("cv1.wrap3", agree(sk, epk), 32, epk, crypto_scalarmult_base(sk), nonce, ctx)
        return open_once(key, bytes(12), ciphertext, "data key"), birth

    def open_row(self, stored, data_key, birth, class_key, generation, version, is_drop):
        """{field: (type, bytes)}"""
        what = f"{'drop' if is_drop else 'row'} of class {class_key >> 16:#x}"
        r = Reader(stored, what).opening()
        must(len(stored) <= 256 * 1024, f"{what}: too long")
        index_n, nonce, commitment = r.uint(2), r.take(24), r.take(32)
        ctx = self.vault.context(14 if is_drop else 1, entity=self.id, class_key=class_key, epoch=birth,
                                 generation=0 if is_drop else generation, version=version, length=len(stored))
        okm = h("cv1.row", data_key + self.shred, 64, nonce, ctx)
        if commitment != okm[32:]:
            raise BadSeal(f"{what}: commitment")
        index = Reader(open_once(okm[:32], bytes(12), r.take(index_n), f"{what}: index"), f"{what}: index")
        count, provenances = index.uint(2), index.uint(1)
        must(index.uint(1) == 0, f"{what}: reserved byte")
        entries = [(index.uint(2), index.uint(1), index.uint(1), index.uint(2), index.uint(2)) for _ in range(count)]
        index.take(provenances * 32)
        index.padding(32)
        must([e[0] for e in entries] == sorted({e[0] for e in entries}), f"{what}: order of fields")
        fields = {}
        for field, kind, provenance, length, padded in entries:
            plain = open_once(okm[:32], u32(field) + bytes(8), r.take(padded + 16), f"{what}: cell {field}")
            must(provenance < provenances and length <= padded and not any(plain[length:]), f"{what}: padding of cell {field}")
            must(kind != 0 or is_drop, f"{what}: null in a row")
            fields[field] = (kind, plain[:length])
        r.end()
        return fields

    def check_history(self, c):
        """The chained digest over what was replaced, oldest first."""
        rows = [row for row in self.vault.scan("hist", self.serial + u32(c["class"]))]
        count, digest = c["history"]
        if len(rows) != count:
            raise BadSeal(f"history of class {c['class'] >> 16:#x}: {len(rows)} rows, head says {count}")
        # Stored newest first. A merge moves the row before its drops, so ascending versions are the order of insertion.
        chained = bytes(16)
        for key, value in reversed(rows):
            chained = h("cv1.hist", self.kh, 16, chained, key, value)
        if chained != digest:
            raise BadSeal(f"history of class {c['class'] >> 16:#x}: digest")

    def open_class(self, c, secrets):
        """Fields of one class with its drops folded in, or None if the member does not hold it."""
        class_key, fields, digest = c["class"], {}, bytes(16)
        opened = True
        if c["flags"] & 1:
            stored = self.row(2, class_key)
            if stored is None:
                raise NoRow(f"the row of class {class_key >> 16:#x} is missing")
            digest = h("cv1.digest", self.kh, 16, u32(class_key), u64(c["row"]), stored)
            key = self.data_key(class_key, c["generation"], 0, secrets)
            if key is None:
                opened = False
            else:
                fields = self.open_row(stored, *key, class_key, c["generation"], c["row"], False)
        for version in range(c["version"] - c["drops"] + 1, c["version"] + 1):
            stored = self.row(3, class_key, version)
            if stored is None:
                raise NoRow(f"a drop of class {class_key >> 16:#x} is missing")
            digest = h("cv1.drop", self.kh, 16, digest, u64(version), stored)
            key = self.data_key(class_key, 0, version, secrets)
            if key is None:
                opened = False
                continue
            for field, cell in self.open_row(stored, *key, class_key, 0, version, True).items():
                fields[field] = cell
                if cell[0] == 0:
                    del fields[field]
        if digest != c["digest"]:
            raise BadSeal(f"digest of class {class_key >> 16:#x}")
        self.check_history(c)
        return fields if opened else None


# ---- 4.5 ----------------------------------------------------------------------------------------------------------------------
def value(kind, data, depth=0):
    must(kind in (1, 2, 3, 4, 5, 6, 7) or (kind == 15 and depth == 0), "value: type")
    r = Reader(data, "value")
    if kind == 15:
        r.end()
        return {"suppressed": True}
    if kind == 1:
        must(data in (b"\0", b"\1"), "value: bool")
        return data == b"\1"
    if kind == 2:
        must(len(data) == 8, "value: integer")
        return int.from_bytes(data, "big", signed=True)
    if kind in (3, 4, 5):
        must(kind != 4 or re.fullmatch(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}", data), "value: date")
        return data.decode("utf-8", "strict")
    must(depth < 4, "value: nested too deep")
    items, names = [], []
    for _ in range(r.uint(2)):
        if kind == 7:
            names.append(r.take(r.uint(1)))
        item_kind = r.uint(1)
        items.append(value(item_kind, r.take(r.uint(4)), depth + 1))
    r.end()
    must(names == sorted(set(names)) and b"" not in names, "value: order of names")
    return items if kind == 6 else {name.decode("utf-8", "strict"): item for name, item in zip(names, items)}


def main():
    if len(sys.argv) < 4 or not re.fullmatch(r"[0-9a-f]{32}", sys.argv[2]):
        sys.exit(__doc__)
    vault = Vault(sys.argv[1])
    principal, sk = principal_key(vault, sys.argv[3])
    directory = Directory(vault)
    roles = directory.role_keys(principal, sk)
    if not roles:
        raise NotAMember(f"{sys.argv[3]} is in no role")
    secrets = directory.class_keys(roles)
    record = Record(vault, bytes.fromhex(sys.argv[2]))
    classes = {}
    for c in record.classes:
        fields = record.open_class(c, secrets)
        if fields is not None:
            classes[c["class"] >> 16] = {str(field): value(*cell) for field, cell in fields.items()}
    if "--views" in sys.argv[4:]:
        shown = {f"{number:#x}": fields for number, fields in classes.items()}
    else:
        shown = {field: v for number, fields in classes.items() if number < 0x4000 for field, v in fields.items()}
    print(json.dumps(shown, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    try:
        main()
    except Refused as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(1)
