"""A log folder written from docs/FORMAT.md sections 9 and 10 alone, with every key in the writer's hands: whole logs of any shape, and
forgeries by somebody who has some of the keys. Sealed bodies are random bytes: a verifier without keys cannot tell.

    log = Log(seed); log.genesis(); log.work(300); log.end_of_day(); log.write(folder)
"""
import base64
import copy
import hashlib
import os
import random
import struct
import sys

from nacl import bindings

from vaulttest import ROOT, tile_name

sys.path.insert(0, os.path.join(ROOT, "tests", "interop"))
from reader import h, u16, u32, u48, u64  # noqa: E402

DAY_MS = 86400000
WIDTH = 256
ED25519, COSIGNATURE = 1, 4
GENESIS, READ, RESULT, EPOCH, REFUSED, START, SEGMENT, RENEW, PATCH = 0, 2, 11, 12, 15, 17, 19, 20, 25


class Key:
    """An Ed25519 key with a name. With pk it passes itself off as that key."""

    def __init__(self, name, seed, kind=ED25519, pk=None):
        self.name, self.kind = name, kind
        self.pk, self.sk = bindings.crypto_sign_seed_keypair(seed)
        self.pk = pk or self.pk
        self.id = hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + self.pk).digest()[:4]

    def sign(self, text):
        return bindings.crypto_sign(text, self.sk)[:64]

    def line(self, signature, key_id=None):
        return f"— {self.name} {base64.b64encode((key_id or self.id) + signature).decode()}\n".encode()

    def signature_line(self, text):
        return self.line(self.sign(text))

    def cosignature_line(self, text, time_s):
        return self.line(u64(time_s) + self.sign(f"cosignature/v1\ntime {time_s}\n".encode() + text))

    def vkey(self):
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([self.kind]) + self.pk).decode()}\n"


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def leaf_hash(data):
    return hashlib.sha256(b"\0" + data).digest()


def root_of(hashes):
    if not hashes:
        return hashlib.sha256(b"").digest()
    while len(hashes) > 1:
        hashes = [node(hashes[i], hashes[i + 1]) if i + 1 < len(hashes) else hashes[i] for i in range(0, len(hashes), 2)]
    return hashes[0]


def note_text(origin, size, root):
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n".encode()


class Log:
    def __init__(self, seed, days=30, origin=None, first_day=20000):
        self.seed, self.rng = seed, random.Random(seed)
        self.vault = self.bytes(16)
        self.origin = origin or "childvault.local/" + self.vault.hex()[:16]
        self.log_key = Key(self.origin, self.bytes(32))
        self.state = self.bytes(32)  # s_e
        self.epoch, self.first_day = 0, first_day
        self.ranges = []
        self.epochs = self.publics(days)
        self.admins = [(self.bytes(16), Key("", self.bytes(32)), self.bytes(16)) for _ in range(2)]
        self.policy = self.bytes(16)
        self.leaves, self.hashes, self.seals = [], [], {}
        self.bundles = []  # roots of full bundles
        self.segment, self.turn = None, 0
        self.now_ms = first_day * DAY_MS + 3600000
        self.signed = None  # size that the checkpoint covers; None: all
        self.cosigned = None
        self.documents = {}
        self.tail_only = 0

    def bytes(self, n):
        return self.rng.randbytes(n)

    def copy(self):
        """What somebody has who copied the whole machine now, keys and all."""
        return copy.deepcopy(self)

    # ---- daily keys
    def publics(self, count, skip=0):
        s, out = self.state, []
        for _ in range(skip):
            s = h("cv1.fs.next", s, 32)
        for _ in range(count):
            out.append(Key("", h("cv1.fs.sign", s, 32)).pk)
            s = h("cv1.fs.next", s, 32)
        return out

    def day_seed(self, state=None):
        return h("cv1.fs.sign", state or self.state, 32)

    def day_key(self, epoch=None, state=None):
        """The key of the present day; of another one if its state is given."""
        return Key(f"{self.origin}/fs/{self.epoch if epoch is None else epoch:04d}", self.day_seed(state))

    def next_state(self, days=1):
        s = self.state
        for _ in range(days):
            s = h("cv1.fs.next", s, 32)
        return s

    # ---- leaves
    def leaf(self, kind, a, b=b"", flags=0, index=None, epoch=None, time_ms=None, state=None, segment=None, turn=0):
        return b"".join([bytes([2, kind]), u16(flags | (1 if state else 0)), u64(len(self.leaves) if index is None else index),
                         u48(self.now_ms if time_ms is None else time_ms), u32(self.epoch if epoch is None else epoch),
                         segment or bytes(16), u32(turn), bytes(16) if flags & 2 else self.bytes(16), self.bytes(16), self.policy,
                         state or b"", u16(len(a)), a, u16(len(b)), b])

    def put(self, data):
        self.leaves.append(data)
        self.hashes.append(leaf_hash(data))
        return len(self.leaves) - 1

    def clear(self, kind, body, **more):
        return self.put(self.leaf(kind, body, flags=2, **more))

    def genesis(self, signers=2, flags=1):
        body = b"".join([bytes([flags]), self.vault, u48(self.now_ms), self.log_key.pk, root_of([leaf_hash(pk) for pk in self.epochs]),
                         u32(len(self.epochs)), u32(self.first_day), self.policy + bytes(16), bytes([len(self.admins)]),
                         *(i + k.pk + person for i, k, person in self.admins), bytes([len(self.origin)]), self.origin.encode()])
        self.clear(GENESIS, body)
        signed = b"cv1.genesis".ljust(16, b"\0") + self.hashes[0]
        self.clear(RESULT, b"\1" + self.hashes[0] + bytes([signers]) +
                   b"".join(i + k.sign(signed) for i, k, _ in self.admins[:signers]), state=self.bytes(32))
        self.start(1)

    def start(self, what):
        self.segment = None
        return self.clear(START, bytes([what]) + bytes(16) + b"\5" + b"0.1.0", state=self.bytes(32))

    def key_segment(self):
        self.segment, self.turn = self.bytes(16), 0
        return self.clear(SEGMENT, bytes([1]) + self.bytes(16) + bytes(4) + self.bytes(112), segment=self.segment)

    def sealed(self, kind=READ, child=True, state=None, **more):
        if self.segment is None:
            self.key_segment()
        return self.put(self.leaf(kind, self.bytes(144), self.bytes(32) + b"\1" + self.bytes(160) if child else b"", flags=4 if child else 0, state=state,
                                  segment=self.segment, turn=self.turn, **more))

    def work(self, n):
        """n leaves of reads and changes, in turns, with key segments."""
        for _ in range(n):
            kind = self.rng.choice((READ, READ, READ, PATCH, REFUSED))
            self.sealed(kind, self.rng.random() < 0.8, self.bytes(32) if kind == PATCH else None)
            if self.rng.random() < 0.3:
                self.turn += 1
            if self.rng.random() < 0.02:
                self.segment = None
            self.now_ms += self.rng.randrange(50)

    # ---- days
    def close_day(self, key=None, body=None):
        self.clear(EPOCH, body or u32(self.epoch) + u32(self.epoch + 1))
        self.seals[self.epoch] = self.note(key=key)
        self.state = self.next_state()
        self.epoch += 1

    def end_of_day(self, idle=1):
        """Midnight passes, idle times in a row without any other leaf."""
        for _ in range(idle):
            self.now_ms = (self.first_day + self.epoch + 1) * DAY_MS + self.rng.randrange(900)
            self.close_day()

    def clock(self, day, hour=9):
        """The clock now shows the day of that epoch."""
        self.now_ms = (self.first_day + day) * DAY_MS + hour * 3600000

    def catch_up(self, day):
        """Days are closed in one go until that one."""
        self.clock(day)
        while self.epoch < day:
            self.close_day()

    def confirm(self, day):
        self.clock(day)
        return self.clear(RENEW, b"\2" + u32(self.epoch) + u32(day))

    def renew(self, count):
        keys = self.publics(count, len(self.epochs) - self.epoch)
        first = len(self.epochs)
        self.epochs += keys
        return self.clear(RENEW, b"\1" + u32(first) + u32(count) + root_of([leaf_hash(pk) for pk in keys]))

    # ---- what is signed
    def root(self, n):
        """Of the first n leaves."""
        while len(self.bundles) < n // WIDTH:
            at = len(self.bundles) * WIDTH
            self.bundles.append(root_of(self.hashes[at:at + WIDTH]))
        part = self.hashes[n - n % WIDTH:n]
        return root_of(self.bundles[:n // WIDTH] + ([root_of(part)] if part else []))

    def note(self, size=None, key=None, root=None, stable=None, epoch=None):
        """The signed checkpoint of size leaves, by the log's key and a day's."""
        n = len(self.leaves) if size is None else size
        text = note_text(self.origin, n, root or self.root(n))
        return text + b"\n" + (stable or self.log_key).signature_line(text) + (key or self.day_key(epoch)).signature_line(text)

    def retake(self, leaves):
        """Put other leaves in the place of all: the tree is computed anew."""
        self.leaves = list(leaves)
        self.hashes = [leaf_hash(x) for x in self.leaves]
        self.bundles = []

    def write(self, folder, checkpoint=None, tail=True):
        """The folder. Leaves beyond self.signed stand in the tail alone, unsigned."""
        n, there = len(self.leaves) if self.signed is None else self.signed, len(self.leaves) // WIDTH
        kind, _, epoch = fields(self.leaves[n - 1])
        if checkpoint is None:  # the end of a day is signed once, by that day's key
            checkpoint = self.seals[epoch] if kind == EPOCH and epoch in self.seals and self.signed is None else self.note(n)
        files = {"checkpoint": checkpoint, "log.vkey": self.log_key.vkey().encode(), "epochs": b"".join(self.epochs)}
        for e, note in self.seals.items():
            files[f"seals/{e:06d}"] = note
        if self.cosigned:
            files["cosigned"] = self.cosigned
        for i in range(0, max(n, there * WIDTH), WIDTH):
            part = self.leaves[i:i + WIDTH if i // WIDTH < there else n]
            files["tile/entries/" + tile_path(i // WIDTH, len(part))] = b"".join(u16(len(x)) + x for x in part)
        level, hashes = 0, self.hashes[:n]
        while hashes:
            for i in range(0, len(hashes), WIDTH):
                part = hashes[i:i + WIDTH]
                files[f"tile/{level}/" + tile_path(i // WIDTH, len(part))] = b"".join(part)
            hashes = [root_of(hashes[i:i + WIDTH]) for i in range(0, len(hashes) - WIDTH + 1, WIDTH)]
            level += 1
        if tail:
            files["tail"] = b"".join(u16(len(x)) + x for x in self.leaves[there * WIDTH:])
        for name, document in self.documents.items():
            files["policy/" + name] = document
        files["tags"] = b"".join(x[18:22] + x[58:74] for x in self.leaves[:n])
        for name, data in files.items():
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as f:
                f.write(data)
        return folder


def text_of(note):
    """What was signed."""
    return note.split(b"\n\n")[0] + b"\n"


def tile_path(n, width):
    return tile_name(n) + (f".p/{width}" if width < WIDTH else "")


def fields(leaf):
    """kind, index, epoch of a leaf"""
    return leaf[1], struct.unpack_from(">Q", leaf, 4)[0], struct.unpack_from(">I", leaf, 18)[0]


def day_ends(log):
    """Sizes at which days end, in order."""
    return [i + 1 for i, x in enumerate(log.leaves) if x[1] == EPOCH]


def with_header(leaf, index=None, epoch=None, time_ms=None):
    """The same leaf with another index, epoch or time."""
    out = bytearray(leaf)
    if index is not None:
        out[4:12] = u64(index)
    if time_ms is not None:
        out[12:18] = u48(time_ms)
    if epoch is not None:
        out[18:22] = u32(epoch)
    return bytes(out)
