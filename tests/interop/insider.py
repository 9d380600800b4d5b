"""What a copy of a vault's files opens to somebody with some keys: everything is tried, from docs/FORMAT.md alone.

    Hoard(vault)            the files and the root key
    hoard.people(...)       persons whose key files are open
    hoard.shares()          what custodians have been collected can be combined
    hoard.run()             every sealed thing is tried with every key until nothing new opens

`found` has what opened, by kind; each entry is (where, plaintext). Rows are those of LMDB and those that still stand in journal files.
"""
import glob
import hashlib
import itertools
import os

from nacl import exceptions
from nacl.bindings import crypto_aead_chacha20poly1305_ietf_decrypt, crypto_scalarmult_base
from nacl.pwhash import argon2id

import reader
from operation import Operation
from reader import BadSeal, Reader, Record, h, must, open_pkseal, open_seal, u32

ORDER = 2 ** 252 + 27742317777372353535851937790883648493  # of the group of the shares, 2.7
TABLES = ("meta", "dir", "gov", "rec", "hist", "map", "idx")
PERSONAL = 0x8000
GOV = {1: "idempotency", 2: "assignment", 3: "grant", 4: "request", 11: "delegation", 12: "budget window", 13: "job", 14: "a member's days"}


class Copy(reader.Vault):
    """A copy of a vault's folder and the operator's passphrase, or the root key of another day."""

    def __init__(self, folder, passphrase=None, rk=None):
        self.passphrase, self.known = passphrase, rk
        super().__init__(folder)

    def root_key(self):
        if self.known is not None:
            return self.known
        for number in range(4):
            row = self.get("meta", f"slot.{number}".encode().ljust(16, b"\0"))
            if row is None or row[2] != 2:
                continue
            r = Reader(row, "unseal slot").opening()
            r.take(3)
            kib, passes, salt = r.uint(4), r.uint(4), r.take(16)
            kek = argon2id.kdf(32, self.passphrase.encode(), salt, opslimit=passes, memlimit=kib * 1024)
            return open_seal(kek, self.context(22, field=number, length=32), r.rest(), "unseal slot")
        raise reader.NoRootKey("no slot of a passphrase")


# ---- journal --------------------------------------------------------------------------------------------------------------------
CRC = []
for n in range(256):
    for _ in range(8):
        n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
    CRC.append(n)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def journal_rows(folder):
    """{(table, key, value)} of all puts of all whole blocks that any journal file holds, also those that were applied long ago."""
    rows = set()
    for path in sorted(glob.glob(os.path.join(folder, "journal", "*.j"))):
        with open(path, "rb") as f:
            data = f.read()
        at = data.find(b"CVJB", 4096)
        while at >= 0:
            n = int.from_bytes(data[at + 32:at + 36], "big")
            block = data[at:at + n]
            if 64 <= n == len(block) and n % 8 == 0 and crc32c(block[:-4]) == int.from_bytes(block[-4:], "big"):
                rows |= set(block_rows(block))
                at += n - 4
            at = data.find(b"CVJB", at + 4)
    return rows


def block_rows(block):
    r = Reader(block[40:-20], "block")
    while r.at < len(r.data):
        item = r.uint(1)
        if item == 0:
            return
        if item == 3:
            r.take(r.uint(2))
            continue
        table, key_n = r.uint(1), r.uint(1)
        value_n = r.uint(4) if item == 1 else 0
        key, value = r.take(key_n), r.take(value_n)
        if item == 1:
            yield TABLES[table - 1], key, value


# ---- the hoard ------------------------------------------------------------------------------------------------------------------
class Hoard:
    def __init__(self, vault):
        self.vault, self.found, self.tried = vault, {}, {}
        self.persons, self.personal, self.roles, self.classes, self.data_keys, self.segments = {}, {}, {}, {}, {}, {}
        self.scalars, self.seen, self.records, self.grants = {}, set(), {}, []
        self.rows = {(table, key, value) for table in vault.table for key, value in vault.scan(table)} | journal_rows(vault.folder)
        self.public = {}
        for table, key, value in self.rows:
            if table == "dir" and key[0] in (2, 3):
                self.public.setdefault(key, set()).add(self.fact(value)[0][:32])

    def note(self, kind, where, plain):
        self.found.setdefault(kind, []).append((where, plain))

    def count(self, kind):
        return len(self.found.get(kind, ()))

    @staticmethod
    def fact(value):
        r = Reader(value, "directory row").opening()
        r.take(4)
        return r.take(r.uint(2)), r.rest()

    def people(self, *persons):
        """Collect opened key files."""
        for person in persons:
            self.persons[person.principal] = person
            self.note("key file", person.principal, person.sk + person.seed)
        return self

    def every_secret(self):
        """Each X25519 secret that there is so far, whatever it is meant for."""
        return {p.sk for p in self.persons.values()} | set(self.personal.values()) | set(self.roles.values()) | set(self.classes.values())

    def attempt(self, kind, place, ctx, sealed):
        """Try a PKSEAL with every secret not tried here yet; the plaintext, or None."""
        for sk in self.every_secret():
            mark = (hashlib.sha256(sealed).digest(), ctx, sk)
            if mark in self.seen:
                continue
            self.seen.add(mark)
            self.tried[kind] = self.tried.get(kind, 0) + 1
            try:
                plain = open_pkseal(sk, ctx, sealed, kind)
            except BadSeal:
                continue
            self.note(kind, place, plain)
            return plain
        return None

    # ---- with the root key alone
    def vault_side(self):
        """What files and root key open without anybody's key file."""
        v = self.vault
        self.note("root key", "slot", v.rk)
        self.note("keyring", "meta", b"".join(v.key.values()))
        for table, key, value in sorted(self.rows):
            name = key.rstrip(b"\0").decode("ascii", "replace")
            if table == "meta" and name in ("policy", "state", "tables", "counters"):
                epoch = int.from_bytes(value[:4], "big")
                entity = key
                ctx = v.context(16, entity=entity, epoch=epoch, length=len(value) - 76)
                self.note(name, name, open_seal(v.key["row"], ctx, value[4:], name))
            elif table == "dir" and key[0] == 1:
                r = Reader(self.fact(value)[1], "principal")
                r.take(1)
                sealed = r.take(r.uint(2))
                ctx = v.context(17, entity=key[1:], epoch=v.epoch, field=1, length=len(sealed) - 72)
                self.note("person", key[1:], open_seal(v.key["dir"], ctx, sealed, "person"))
            elif table == "map":
                self.open_record(key)
        for table, key, value in sorted(self.rows):
            if table == "gov":
                self.open_governance(key, value)

    def open_record(self, record):
        if self.vault.get("map", record) is None:
            return
        r = Record(self.vault, record)
        self.records[record] = r
        self.note("head", record, r.plain)
        self.note("shred key", record, r.shred)

    def open_governance(self, key, value):
        v = self.vault
        r = Reader(value, "governance row").opening()
        epoch, kind = r.uint(4), r.uint(2)
        r.take(1)
        flags = r.uint(1)
        r.take(4)
        serial, sealed = r.take(6), r.rest()
        k = v.key["gov"]
        if flags & 1:
            head = v.get("rec", serial + b"\0" + bytes(4))
            k = h("cv1.govkey", k, 32, v.shred_key(int.from_bytes(head[6:10], "big")))
        plain = open_seal(k, v.context(15, entity=key[2:], epoch=epoch, field=kind, length=len(sealed) - 72), sealed, "governance row")
        self.note(GOV[kind], key[2:], plain)
        r = Reader(plain, "governance row")
        items = {}
        for _ in range(r.uint(2)):
            tag = r.uint(2)
            items[tag] = r.take(r.uint(2))
        if kind == 4 and r.at < len(plain):
            self.open_document(Operation(r.take(r.uint(4))))
        r.end()
        must(list(items) == sorted(items), "governance row: order of items")
        if kind == 13:
            must(items[1] in (b"\1", b"\2", b"\3"), "job: kind")
            classes = items.get(10, b"")
            must(set(items) <= {1, 2, 3, 4, 5, 6, 7, 10, 11, 12} if items[1] == b"\3" else not classes, "job: items")
            must(len(classes) % 8 == 0 and bool(classes) == (items[1] == b"\3"), "job: classes of a re-wrap")
        if 24 in items:
            self.grants.append((items[6], items[1], items[24]))

    def open_document(self, operation):
        """Wraps that were made when an operation was asked for are rows that are not there yet."""
        self.note("operation", operation.digest, operation.document)
        for key, fact, rest in operation.facts:
            if key[0] in (2, 3):
                self.public.setdefault(key, set()).add(fact[:32])
            elif rest:
                self.rows.add(("dir", key, b"\1\1" + u32(0) + len(fact).to_bytes(2, "big") + fact + rest))

    # ---- with everybody's keys
    def run(self):
        """Until nothing new opens."""
        self.vault_side()
        before = -1
        while before != sum(map(len, self.found.values())):
            before = sum(map(len, self.found.values()))
            self.open_directory()
            self.combine_shares()
            self.open_grants()
            self.open_data_keys()
            self.open_segments()
        self.open_rows()
        self.open_leaves()
        return self

    def keep(self, kind, where, secret, public_key):
        """A secret counts if it is the one of a public key of the directory, of today or of another day."""
        must(crypto_scalarmult_base(secret) in self.public.get(public_key, ()), f"{kind}: not the directory's")
        return secret

    def open_directory(self):
        v = self.vault
        for table, key, value in sorted(self.rows):
            if table != "dir":
                continue
            if key[0] == 1:
                self.open_copies(key[1:], value)
            elif key[0] == 4:
                role, epoch = int.from_bytes(key[17:19], "big"), int.from_bytes(key[19:], "big")
                ctx = v.context(4, entity=key[1:17], epoch=epoch, field=role, version=1, length=32)
                kind = "role key" if role < PERSONAL else "personal role"
                secret = self.attempt(kind, (role, epoch), ctx, self.fact(value)[1])
                if secret is not None:
                    (self.roles if role < PERSONAL else self.personal)[role, epoch] = self.keep(kind, key, secret, b"\2" + key[17:])
            elif key[0] == 5:
                class_key, epoch, role, role_epoch = key[1:5], key[5:9], key[9:11], key[11:]
                number = int.from_bytes(class_key, "big"), int.from_bytes(epoch, "big")
                ctx = v.context(4, class_key=number[0], epoch=number[1], generation=int.from_bytes(role_epoch, "big"), field=int.from_bytes(role, "big"),
                                version=2, length=32)
                self.class_key(number, ctx, self.fact(value)[1])
            elif key[0] == 3:
                number, epoch = int.from_bytes(key[1:5], "big"), int.from_bytes(key[5:], "big")
                link = self.fact(value)[1][2:]
                if link:
                    ctx = v.context(4, class_key=number, epoch=epoch, generation=epoch - 1, version=3, length=32)
                    self.class_key((number, epoch - 1), ctx, link)
            elif key[0] == 6:
                self.open_share(key, value)

    def class_key(self, number, ctx, sealed):
        secret = self.attempt("class key", number, ctx, sealed)
        if secret is not None:
            self.classes[number] = self.keep("class key", number, secret, b"\3" + u32(number[0]) + u32(number[1]))

    def open_copies(self, principal, value):
        r = Reader(self.fact(value)[1], "principal")
        r.take(1)
        r.take(r.uint(2))
        for _ in range(r.uint(1)):
            auditor, sealed = r.take(16), r.take(r.uint(2))
            ctx = self.vault.context(18, entity=principal, field=2, writer=auditor, length=len(sealed) - 80)
            self.attempt("person, an auditor's copy", principal, ctx, sealed)

    def open_share(self, key, value):
        role, epoch, custodian = int.from_bytes(key[1:3], "big"), int.from_bytes(key[3:7], "big"), key[7:]
        fact, sealed = self.fact(value)
        ctx = self.vault.context(12, entity=custodian, epoch=epoch, field=role, version=fact[0], length=32)
        share = self.attempt("share", (role, epoch, fact[0]), ctx, sealed)
        if share is not None:
            # Two splits of one epoch's number, the live one and one that was only asked for, are not combined: the public key tells.
            self.scalars.setdefault((role, epoch), set()).add((fact[0], share))

    def combine_shares(self):
        """Every two and three of them, whatever k says; also each alone."""
        for (role, epoch), shares in self.scalars.items():
            for n in (1, 2, 3):
                for some in itertools.combinations(sorted(shares), n):
                    if (role, epoch, some) in self.seen:
                        continue
                    self.seen.add((role, epoch, some))
                    self.tried["shares combined"] = self.tried.get("shares combined", 0) + 1
                    if len({index for index, _ in some}) == n:
                        self.try_combined(role, epoch, some)

    def try_combined(self, role, epoch, shares):
        secret = combined(shares)
        if crypto_scalarmult_base(secret) in self.public.get(b"\2" + role.to_bytes(2, "big") + u32(epoch), ()) and (role, epoch) not in self.roles:
            self.roles[role, epoch] = secret
            self.note("role key, from shares", (role, epoch), secret)

    def open_grants(self):
        for record, grantee, keys in self.grants:
            r = Reader(keys, "keys of a grant")
            while r.at < len(keys):
                class_key, generation, birth, role, epoch, sealed = r.uint(4), r.uint(4), r.uint(4), r.uint(2), r.uint(4), r.take(112)
                ctx = self.vault.context(25, entity=record, class_key=class_key, epoch=epoch, generation=generation, field=role, version=birth, writer=grantee,
                                         length=32)
                key = self.attempt("data key, granted", (record, class_key, generation), ctx, sealed)
                if key is not None:
                    self.data_keys[record, class_key, generation, 0] = (key, birth)

    def open_data_keys(self):
        """Each entry of each keys row, of every type, with every secret: its class's and all others."""
        for table, key, value in self.rows:
            if table != "rec" or key[6] != 1:
                continue
            record = next((i for i, r in self.records.items() if r.serial == key[:6]), None)
            if record is None:
                continue
            for (class_key, generation, drop), entry in Record.read_keys(value).items():
                self.open_entry(record, class_key, generation, drop, entry)

    def open_entry(self, record, class_key, generation, drop, entry):
        ctx = self.vault.context(2, entity=record, class_key=class_key, epoch=entry[4], generation=generation, version=drop, length=32)
        for sk in self.every_secret():
            mark = (entry[:3], entry[5], ctx, sk)
            if mark in self.seen:
                continue
            self.seen.add(mark)
            self.tried["data key"] = self.tried.get("data key", 0) + 1
            try:
                data_key = reader.entry_key(entry, ctx, sk)
            except BadSeal:
                continue
            # Any secret derives something; a key is what fits a row.
            if entry[0] == 2 or self.fits(record, class_key, generation, drop, entry[3], data_key):
                self.note("data key", (record, class_key, generation, drop, entry[4]), data_key)
                self.data_keys[record, class_key, generation, drop] = (data_key, entry[3])

    def fits(self, record, class_key, generation, drop, birth, data_key):
        """Whether some row, drop or history row of the class is under the data key."""
        return any(self.row_key(record, class_key, row, data_key, birth) is not None for row in self.sealed_rows(record, class_key)
                   if (row[4], row[3] if row[1] == "drop" else 0) == (generation, drop))

    def sealed_rows(self, record, class_key):
        """(bytes, what, N, version, generation) of each row that there is of a class: the creation's, those of changes, drops."""
        if not hasattr(self, "of_class"):
            self.of_class = {}
            for table, key, value in sorted(self.rows):
                if table == "rec" and key[6] in (2, 3):
                    self.of_class.setdefault((key[:6], key[7:11]), []).append((key, value))
                elif table == "hist":
                    nonce, rows = Record.read_change(value)
                    for number, what, generation, version, stored in rows:
                        self.of_class.setdefault((key[:6], u32(number)), []).append((None, (stored, what, nonce, version, generation)))
        here = self.records[record]
        current = {(c["N"], c["row"]) for c in here.classes if c["class"] == class_key}
        for key, value in self.of_class.get((here.serial, u32(class_key)), ()):
            if key is None:
                stored, what, nonce, version, generation = value
                is_row = "row" if (nonce, version) in current else "replaced"
                yield (stored, "folded", None, version, generation) if what == 2 else (stored, is_row, nonce, version, generation)
            elif key[6] == 3:
                yield value, "drop", None, int.from_bytes(key[11:], "big"), 0
            else:
                yield value, "row" if (here.nonce, 1) in current else "replaced", here.nonce, 1, 1

    def row_key(self, record, class_key, row, data_key, birth):
        """The row key if C fits, and the keys and context that made it."""
        stored, what, nonce, version, generation = row
        is_drop = what in ("drop", "folded")
        own, commitment, _, _ = reader.row_parts(stored, is_drop, "row")
        ctx = self.vault.context(14 if is_drop else 1, entity=record, class_key=class_key, epoch=birth, generation=generation, version=version,
                                 length=len(stored))
        keys = data_key + self.records[record].shred
        return (keys, ctx) if reader.row_okm(keys, own or nonce, ctx)[1] == commitment else None

    def open_segments(self):
        for leaf in leaves(self.vault.folder):
            if leaf[1] != 19:
                continue
            body = body_of(leaf)
            r = Reader(body, "segment leaf")
            for _ in range(r.uint(1)):
                auditor, month, sealed = r.take(16), r.uint(4), r.take(112)
                segment = leaf[22:38]
                ctx = self.vault.context(19, entity=segment, epoch=month, writer=auditor, length=32)
                key = self.attempt("segment key", segment, ctx, sealed)
                if key is not None:
                    self.segments[segment] = key

    # ---- what the keys are for
    def open_rows(self):
        """Class rows, drops and history of every record, with its data keys; and, in vain, with each other key of 32 bytes."""
        for record in self.records:
            for class_key in [c["class"] for c in self.records[record].classes]:
                for row in self.sealed_rows(record, class_key):
                    self.try_row(record, class_key, row)

    def try_row(self, record, class_key, row):
        stored, what, nonce, version, generation = row
        kind = "field" if what in ("row", "drop") else "history"
        known = self.data_keys.get((record, class_key, generation, version if what == "drop" else 0))
        for key, birth in [known] if known else [(k, birth) for k in self.keys_of_32() for birth in (1, 2)]:
            self.tried[kind] = self.tried.get(kind, 0) + 1
            found = self.row_key(record, class_key, row, key, birth)
            if found is None:
                continue
            for field, value_kind, plain in reader.open_pieces(stored, nonce, *found, what in ("drop", "folded"), kind):
                self.note(kind, (record, class_key, field, version, value_kind), plain)

    def keys_of_32(self):
        """Every key of 32 bytes that there is: somebody who tries does not ask what it is meant for."""
        if not hasattr(self, "symmetric"):
            v = self.vault
            self.symmetric = [v.rk, v.k_top, h("cv1.slot", v.rk, 32), *v.key.values(), *(r.shred for r in self.records.values()),
                              *(r.kh for r in self.records.values()), *(r.log_key for r in self.records.values())]
        return self.symmetric + list(self.every_secret()) + [p.seed for p in self.persons.values()] + list(self.segments.values())

    # ---- the log
    def open_leaves(self):
        for leaf in leaves(self.vault.folder):
            flags, index = int.from_bytes(leaf[2:4], "big"), leaf[4:12]
            segment, turn = leaf[22:38], int.from_bytes(leaf[38:42], "big")
            at = 90 + (32 if flags & 1 else 0)
            r = Reader(leaf[at:], "bodies of a leaf")
            a, b = r.take(r.uint(2)), r.take(r.uint(2))
            r.end()
            if flags & 2:
                self.note("leaf, clear", index, a)
                continue
            if a and segment in self.segments:
                key = self.segments[segment]
                for _ in range(turn):
                    key = h("cv1.seg.next", key, 32)
                key = h("cv1.leaf.a", b"", 32, key, segment, u32(turn), index)
                self.note("leaf, who", index, crypto_aead_chacha20poly1305_ietf_decrypt(a, leaf[:at], bytes(12), key))
            if b:
                self.open_detail(leaf[:at], b, segment + u32(turn) + index)

    def open_detail(self, header, body, place):
        for record, r in self.records.items():
            both = h("cv1.leaf.b", b"", 64, r.log_key, place)
            keys = both[:32], both[32:]
            if h("cv1.leaf.c", b"", 32, *(h("cv1.leaf.c", key, 32, place) for key in keys)) != body[:32]:
                continue
            end = 33 + 64 * body[32] + 16
            for key, box in zip(keys, (body[33:end], body[end:])):
                try:
                    self.note("leaf, what of a child", record, crypto_aead_chacha20poly1305_ietf_decrypt(box, header, bytes(12), key))
                except exceptions.CryptoError as e:
                    raise BadSeal("body B") from e

    def every_plaintext(self):
        return b"\0".join(plain for entries in self.found.values() for _, plain in entries)


def combined(shares):
    """The role's secret from shares (index, scalar)."""
    total = 0
    points = [(x, int.from_bytes(y, "little")) for x, y in shares]
    for i, (x, y) in enumerate(points):
        for j, (other, _) in enumerate(points):
            if j != i:
                y = y * other * pow(other - x, -1, ORDER) % ORDER
        total = (total + y) % ORDER
    return h("cv1.unseal", total.to_bytes(32, "little"), 32)


def leaves(folder):
    """All leaves of the log, in order."""
    found = {}
    paths = glob.glob(os.path.join(folder, "log", "tile", "entries", "**", "*"), recursive=True) + [os.path.join(folder, "log", "tail")]
    for path in paths:
        if not os.path.isfile(path):
            continue
        with open(path, "rb") as f:
            data = f.read()
        at = 0
        while at + 2 <= len(data):
            n = int.from_bytes(data[at:at + 2], "big")
            leaf = data[at + 2:at + 2 + n]
            if len(leaf) < n:
                break
            found[leaf[4:12]] = leaf
            at += 2 + n
    return [found[i] for i in sorted(found)]


def body_of(leaf):
    at = 90 + (32 if int.from_bytes(leaf[2:4], "big") & 1 else 0)
    return leaf[at + 2:at + 2 + int.from_bytes(leaf[at:at + 2], "big")]
