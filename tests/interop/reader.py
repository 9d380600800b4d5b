#!/usr/bin/python3
"""A second reader of a demo vault at rest, written from docs/FORMAT.md alone: it shares nothing with src/.

    reader.py DIR RECORD NAME [--views]

opens the record as the member whose key is DIR/keys/NAME.key does: unseal slot, keyring, shred tree, directory, head, keys row,
class rows, drops and history; it checks every signature, digest and padding on the way, and prints {field id: value} as JSON. With
--views it prints {class number: {field id: value}} for every class that the member's keys open, views included.

The daemon must have been stopped cleanly, so that all rows are in LMDB. Whatever is missing or does not fit ends it with exit 1
and one line "NAME: what", NAME being one of the classes of errors below.

Needs Debian's python3-nacl and python3-lmdb.
"""
import base64
import functools
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

    def varint(self):
        """Groups of 7 bits, the lowest first; the shortest that say a u32 (4.1)."""
        value, shift = 0, 0
        while True:
            group = self.uint(1)
            value |= (group & 127) << shift
            shift += 7
            if group < 128:
                must((group > 0 or shift == 7) and value < 1 << 32, f"{self.what}: varint")
                return value
            must(shift < 35, f"{self.what}: varint")

    def rest(self):
        return self.take(len(self.data) - self.at)

    def end(self):
        if self.at != len(self.data):
            raise BadFormat(f"{self.what}: trailing bytes")

    def padding(self, block):
        left = self.rest()
        if len(left) >= block or any(left) or len(self.data) % block:
            raise BadFormat(f"{self.what}: padding")

    def opening(self, number=1):
        """Format, suite 1."""
        must(self.take(2) == bytes([number, 1]), f"{self.what}: format or suite")
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
    pk = public_of(sk)
    key = h("cv1.pkseal", agree(sk, sealed[:32]), 32, sealed[:32], pk, ctx)
    return open_body(key, bytes(24), ctx, sealed[32:], what)


@functools.lru_cache(maxsize=4096)
def public_of(sk):
    return crypto_scalarmult_base(sk)


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
        must(r.take(2) == b"\2\0", "leaf 0")
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
SHORT = 128     # padded bytes of the longest value that stands in the first piece


def entry_key(entry, ctx, sk):
    """The data key of an entry of a keys row (4.2) by a class's secret key. Of types 1 and 3 any key gives one; the row refuses it."""
    kind, salt, epk, _, _, ciphertext = entry
    if kind == 3:
        return h("cv1.datakey3", agree(sk, epk), 32, epk, public_of(sk), salt, ctx)
    kek = h("cv1.classkek", sk, 32)
    if kind == 1:
        return h("cv1.datakey", b"", 32, kek, ctx[:64] + salt + ctx[80:])
    return open_once(h("cv1.wrap", kek, 32, salt, ctx), bytes(12), ciphertext, "data key")


def row_parts(stored, is_drop, what):
    """N of a drop, C, first piece, other pieces (4.3, 4.4)."""
    must(len(stored) <= 256 * 1024, f"{what}: too long")
    r = Reader(stored, what).opening(2)
    nonce = r.take(24) if is_drop else None
    n = r.varint()
    return nonce, r.take(16), r.take(n), r.rest()


def row_okm(keys, nonce, ctx):
    """Row key and C; keys: data key and shred key."""
    okm = h("cv1.row", keys, 48, nonce, ctx)
    return okm[:32], okm[32:]


def open_pieces(stored, nonce, keys, ctx, is_drop, what):
    """[(field, type, value)] of a row under N of head, or of a drop, which has its own."""
    own, commitment, first, rest = row_parts(stored, is_drop, what)
    row_key, wanted = row_okm(keys, own or nonce, ctx)
    if commitment != wanted:
        raise BadSeal(f"{what}: commitment")
    r = Reader(open_once(row_key, bytes(12), first, f"{what}: first piece"), f"{what}: first piece")
    count, provenances = r.varint(), r.uint(1)
    must(count <= 512, f"{what}: entries")
    entries, field = [], 0
    for _ in range(count):
        step, kind, provenance = r.varint(), r.uint(1), r.uint(1) if provenances > 1 else 0
        length = r.varint()
        field += step
        entries.append((field, kind, length, length + r.varint()))
        must(step > 0 and field <= 0x3FFF and provenance < provenances, f"{what}: entry")
        must((kind != 0 or is_drop) and entries[-1][3] <= 61440, f"{what}: entry")
    for _ in range(provenances):
        r.take(2 + 16 + 6)
        r.varint()
        r.varint()
    values, long = {}, Reader(rest, what)
    for field, _, _, padded in entries:
        if padded <= SHORT:
            values[field] = r.take(padded)
    r.padding(16)
    for field, _, _, padded in entries:
        if padded > SHORT:
            values[field] = open_once(row_key, u32(field) + bytes(8), long.take(padded + 16), f"{what}: piece {field}")
    long.end()
    must(not any(any(values[field][length:]) for field, _, length, _ in entries), f"{what}: padding of a value")
    return [(field, kind, values[field][:length]) for field, kind, length, _ in entries]


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
        r = Reader(stored, "head").opening(3)
        epoch, self.slot, record = r.uint(4), r.uint(4), r.take(16)
        if record != self.id:
            raise BadSeal("another record's head")
        sealed = r.rest()
        self.shred = self.vault.shred_key(self.slot)
        self.kh = h("cv1.headkey", b"", 32, self.vault.key["head"], self.shred)
        ctx = self.vault.context(5, entity=record, epoch=epoch, field=self.slot, length=len(sealed) - 72)
        self.plain = open_seal(self.kh, ctx, sealed, "head")
        self.log_key, self.classes, self.nonce, self.digest, self.history = self.read_head(self.plain)

    @classmethod
    def read_head(cls, plain):
        """Log key, classes, N and digest of the creation, number and digest of changes."""
        r = Reader(plain, "head")
        must(len(plain) <= 4480 and r.uint(1) == 3 and 1 <= r.uint(1) <= 13, "head: version or state")
        flags = r.uint(1)
        must(flags <= 7, "head: flags")
        cls.area(r)
        r.take(2 + 6 + 6)
        log_key = r.take(32)
        tokens, count, n = r.uint(1), r.uint(1), r.uint(1)
        must(tokens <= 8 and count <= 64 and n <= count, "head: counts")
        nonce, digest, changes = r.take(24), r.take(16), r.varint()
        history = (changes, r.take(16) if changes else bytes(16))
        if flags & 2:
            cls.area(r)
            must(r.uint(4) > 0, "head: planned area")
        stored = [r.take(22) for _ in range(tokens)]
        must(stored == sorted(stored), "head: order of tokens")
        named = [(0, nonce)] + [(r.varint(), r.take(24)) for _ in range(n)]
        must([c for c, _ in named] == sorted({c for c, _ in named}) and len({n for _, n in named}) == len(named), "head: order of changes")
        must(named[-1][0] <= changes, "head: a change that has not been")
        classes = [cls.head_class(r, named) for _ in range(count)]
        r.padding(64)
        keys = [c["class"] for c in classes]
        must(keys == sorted(set(keys)), "head: order of classes")
        must({c["change"] for c in classes if c["N"] is not None} >= {c for c, _ in named[1:]}, "head: a change that no class names")
        return log_key, classes, nonce, digest, history

    @staticmethod
    def area(r):
        digits = r.take(r.uint(1))
        must(len(digits) <= 12 and (not digits or digits.isdigit()), "head: area")

    @staticmethod
    def head_class(r, named):
        c = {"class": r.uint(2) << 16, "flags": r.uint(1), "generation": r.varint(), "row": 0, "N": None, "change": 0, "drops": 0, "digest": bytes(16)}
        must(c["flags"] & ~13 == 0 and c["generation"] > 0 and c["class"] > 0, "head: class")
        if c["flags"] & 1:
            c["row"], place = r.varint(), r.uint(1)
            must(c["row"] > 0 and place < len(named), "head: row of a class")
            c["change"], c["N"] = named[place]
        above = r.varint() if c["flags"] & 8 else 0
        c["version"] = c["row"] + above
        if c["flags"] & 4:
            c["drops"], c["digest"] = r.uint(1), r.take(16)
        must(bool(c["flags"] & 8) == (above > 0) and c["version"] < 1 << 32, "head: versions of a class")
        must(bool(c["flags"] & 4) == (c["drops"] > 0) and c["drops"] <= min(64, above), "head: drops of a class")
        return c

    @staticmethod
    def read_keys(stored, whole=True):
        """{(class key id, generation, drop): (type, N or salt, epk, birth, wrapping, ciphertext)}; ciphertext b"" of types 1 and 3. Not whole: what
        follows the row is left alone."""
        r = Reader(stored, "keys row").opening(2)
        found = {}
        for _ in range(r.varint()):
            kind, count = r.uint(1), r.uint(1)
            must(kind in (1, 2, 3) and count > 0, "keys row: group")
            nonce = r.take(24) if kind == 2 else None
            epk = r.take(32) if kind == 3 else None
            for _ in range(count):
                class_key, generation, birth, drop = r.uint(2) << 16, r.varint(), r.varint(), r.varint()
                salt = nonce if kind == 2 else r.take(16)
                wrapping = birth + r.varint() if kind == 2 else birth
                must((class_key, generation, drop) not in found and class_key > 0 and 0 < birth and wrapping < 1 << 32, "keys row: entry")
                must((generation == 0) == (drop > 0), "keys row: generation")
                found[class_key, generation, drop] = (kind, salt, epk, birth, wrapping, r.take(48) if kind == 2 else b"")
        if whole:
            r.end()
        must(len(found) <= 4096, "keys row: entries")
        return found

    def data_key(self, class_key, generation, drop, secrets):
        """Data key and birth epoch, or None if the member does not hold the class."""
        if (class_key, generation, drop) not in self.wraps:
            raise NoKeysRow(f"no data key for class {class_key >> 16:#x}")
        entry = self.wraps[class_key, generation, drop]
        sk = secrets.get((class_key, entry[4]))
        if sk is None:
            return None
        ctx = self.vault.context(2, entity=self.id, class_key=class_key, epoch=entry[4], generation=generation, version=drop, length=32)
        return entry_key(entry, ctx, sk), entry[3]

    def open_row(self, stored, nonce, data_key, birth, class_key, generation, version, is_drop):
        """{field: (type, bytes)}"""
        what = f"{'drop' if is_drop else 'row'} of class {class_key >> 16:#x}"
        ctx = self.vault.context(14 if is_drop else 1, entity=self.id, class_key=class_key, epoch=birth,
                                 generation=0 if is_drop else generation, version=version, length=len(stored))
        return {field: (kind, plain) for field, kind, plain in open_pieces(stored, nonce, data_key + self.shred, ctx, is_drop, what)}

    def read_changes(self):
        """{change: (N, rows)} (4.6)."""
        return {2 ** 32 - 1 - int.from_bytes(key[6:], "big"): self.read_change(value) for key, value in self.vault.scan("hist", self.serial)}

    def check_rows(self):
        """The digests over what the creation wrote and over each change, oldest first (4.1)."""
        first = [(key[7:], value) for key, value in self.vault.scan("rec", self.serial + b"\2")]
        if h("cv1.digest", self.kh, 16, *(part for key, value in first for part in (key, u32(len(value)), value))) != self.digest:
            raise BadSeal("digest of the creation's rows")
        count, digest = self.history
        rows = list(self.vault.scan("hist", self.serial))
        if [key[6:] for key, _ in rows] != [u32(2 ** 32 - 1 - change) for change in range(count, 0, -1)]:
            raise BadSeal(f"{len(rows)} changes, head says {count}")
        chained = bytes(16)
        for key, value in reversed(rows):
            chained = h("cv1.hist", self.kh, 16, chained, key, value)
        if chained != digest:
            raise BadSeal("digest of the changes")

    @staticmethod
    def read_change(value):
        """N, and [(class, what, generation, version, bytes)]."""
        r = Reader(value, "change").opening()
        nonce, rows = r.take(24), []
        while r.at < len(value):
            rows.append((r.uint(2) << 16, r.uint(1), r.varint(), r.varint(), r.take(r.varint())))
            must(rows[-1][0] > 0 and rows[-1][1] in (1, 2) and rows[-1][2] > 0 and rows[-1][3] > 0, "change: row")
        must(rows and len({row[0] for row in rows if row[1] == 1}) == sum(row[1] == 1 for row in rows), "change: rows")
        return nonce, rows

    def versions(self, c, changes):
        """Rows of a class and drops that were folded into them, newest first: (what, N, generation, version, bytes), the current row left out."""
        before = c["row"]
        for change in sorted(changes, reverse=True):
            nonce, rows = changes[change]
            for class_key, what, generation, version, stored in reversed(rows):
                if class_key != c["class"]:
                    continue
                if what == 2:
                    yield what, None, generation, version, stored
                    continue
                if change > c["change"]:
                    raise BadSeal(f"a row of class {class_key >> 16:#x} that is newer than the current one")
                if version != before:
                    yield what, nonce, generation, version, stored
                before = version
        if before not in (0, 1):
            stored = self.row(2, c["class"])
            if stored is None:
                raise NoRow(f"the first row of class {c['class'] >> 16:#x} is missing")
            yield 1, self.nonce, 1, 1, stored

    def current(self, c, changes):
        """The row of a class as head names it."""
        if c["change"] == 0:
            stored = self.row(2, c["class"])
        else:
            _, rows = changes.get(c["change"], (None, ()))
            stored = next((row[4] for row in rows if row[:2] == (c["class"], 1)), None)
        if stored is None:
            raise NoRow(f"the row of class {c['class'] >> 16:#x} is missing")
        return stored

    def open_history(self, c, changes, secrets):
        """Rows that were replaced, under the N of their change, and drops that were folded in, under the class's data key (4.6)."""
        for what, nonce, generation, version, stored in self.versions(c, changes):
            found = self.data_key(c["class"], generation, 0, secrets)
            if found is not None:
                ctx = self.vault.context(14 if what == 2 else 1, entity=self.id, class_key=c["class"], epoch=found[1], generation=generation,
                                         version=version, length=len(stored))
                open_pieces(stored, nonce, found[0] + self.shred, ctx, what == 2, f"history of class {c['class'] >> 16:#x}")

    def open_class(self, c, secrets):
        """Fields of one class with its drops folded in, or None if the member does not hold it."""
        changes = self.read_changes()
        class_key, fields, digest = c["class"], {}, bytes(16)
        opened = True
        if c["flags"] & 1:
            stored = self.current(c, changes)
            key = self.data_key(class_key, c["generation"], 0, secrets)
            if key is None:
                opened = False
            else:
                fields = self.open_row(stored, c["N"], *key, class_key, c["generation"], c["row"], False)
        for version in range(c["version"] - c["drops"] + 1, c["version"] + 1):
            stored = self.row(3, class_key, version)
            if stored is None:
                raise NoRow(f"a drop of class {class_key >> 16:#x} is missing")
            digest = h("cv1.drop", self.kh, 16, digest, u64(version), stored)
            key = self.data_key(class_key, 0, version, secrets)
            if key is None:
                opened = False
                continue
            for field, cell in self.open_row(stored, None, *key, class_key, 0, version, True).items():
                fields[field] = cell
                if cell[0] == 0:
                    del fields[field]
        if digest != c["digest"]:
            raise BadSeal(f"digest of class {class_key >> 16:#x}")
        self.check_rows()
        self.open_history(c, changes, secrets)
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
