"""Operations a second time, from docs/FORMAT.md 5.5 and 12 alone: a document is read, signed by an administrator, and a custodian's shares are sealed to its
ceremony. Shares nothing with src/.
"""
import base64
import os
import re

from nacl.bindings import (crypto_aead_xchacha20poly1305_ietf_encrypt, crypto_scalarmult_base)
from nacl.pwhash import argon2id
from nacl.signing import SigningKey

from reader import NoPrincipalKey, Reader, agree, context, h, must, open_pkseal, open_seal, u16

NAMES = ("person", "principals", "roles", "classes", "flags", "policy", "split")
HEAD = 124


# ---- key files ------------------------------------------------------------------------------------------------------------------
class Person:
    """A key file, opened: principal, sk (X25519), seed (Ed25519). One that has been used under a passphrase needs the vault's pepper."""

    def __init__(self, path, passphrase=None, pepper=None):
        with open(path, encoding="ascii") as f:
            match = re.fullmatch(r"childvault-key-1\n([A-Za-z0-9+/=]+)\n", f.read())
        if match is None:
            raise NoPrincipalKey("not a key file")
        r = Reader(base64.b64decode(match.group(1), validate=True), "key file").opening()
        self.protection, self.principal, self.vault = r.uint(1), r.take(16), r.take(16)
        kib, passes, salt, body = r.uint(4), r.uint(4), r.take(16), r.rest()
        if self.protection == 1:
            if passphrase is None or (any(self.vault) and pepper is None):
                raise NoPrincipalKey("the key file asks for a passphrase, and for the vault's pepper")
            pw = argon2id.kdf(32, passphrase.encode(), salt, opslimit=passes, memlimit=kib * 1024)
            answer = h("cv1.pepper", pepper, 32, self.principal, h("cv1.pep.q", pw, 32)) if any(self.vault) else bytes(32)
            body = open_seal(h("cv1.kek", pw, 32, answer), context(self.vault, 23, entity=self.principal, length=64), body, "key file")
        must(self.protection in (0, 1) and len(body) == 64, "key file")
        self.sk, self.seed = body[:32], body[32:]


# ---- documents ------------------------------------------------------------------------------------------------------------------
class Operation:
    """A document: its head, its change set's digest (or None), facts [(key, fact, rest)] and items by name."""

    def __init__(self, document):
        self.document = document
        r = Reader(document, "operation")
        must(r.take(6) == b"CVOP\1\1", "operation: format or suite")
        self.number, self.vault = r.uint(2), r.take(16)
        r.take(16)
        self.log_size, self.log_root, self.not_before, self.expires = r.uint(8), r.take(32), r.uint(6), r.uint(6)
        must(1 <= self.number <= 9 and 0 < self.expires - self.not_before <= 24 * 3600 * 1000, "operation: number or time")
        must(r.take(32) == h("cv1.arguments", b"", 32, document[HEAD:]), "operation: digest of the arguments")
        change = r.take(r.uint(4))
        self.facts = []
        for _ in range(r.uint(2)):
            self.facts.append((r.take(r.uint(1)), r.take(r.uint(2)), r.take(r.uint(2))))
        items, last = {}, 0
        for _ in range(r.uint(1)):
            tag, data = r.uint(1), r.take(r.uint(4))
            must(last < tag <= len(NAMES) and data, "operation: items")
            items[NAMES[tag - 1]], last = data, tag
        r.end()
        self.change = self.read_change(change) if change else None
        must(bool(change) == (self.number <= 4) and bool(self.facts) == bool(change), "operation: change set")
        self.principals = split(items.get("principals", b""), 16)
        self.roles = [(int.from_bytes(x[:2], "big"), int.from_bytes(x[2:], "big")) for x in split(items.get("roles", b""), 6)]
        self.classes = [(int.from_bytes(x[:4], "big"), int.from_bytes(x[4:], "big")) for x in split(items.get("classes", b""), 8)]
        self.flags = int.from_bytes(items.get("flags", b""), "big")
        self.policy = items.get("policy")
        must(self.roles == sorted(self.roles) and self.principals == sorted(set(self.principals)), "operation: order of items")
        self.digest = h("cv1.operation", b"", 32, document[:HEAD])
        self.code = f"{int.from_bytes(self.digest[:8], 'big') % 10 ** 8:08d}"

    def read_change(self, data):
        """Digest of a change set whose facts are those of the document, in its order."""
        r = Reader(data, "change set").opening()
        r.take(4 + 6 + 32)
        digests = [r.take(32) for _ in range(r.uint(2))]
        digest = h("cv1.change", b"", 32, data[:r.at])
        must(r.take(32) == digest and r.uint(1) == 0, "operation: change set")
        r.end()
        keys = [key for key, _, _ in self.facts]
        must(keys == sorted(set(keys)) and digests == [
            h("cv1.fact", b"", 32, self.vault, bytes([len(key)]), key, u16(len(fact)), fact) for key, fact, _ in self.facts], "operation: facts")
        return digest

    def sign(self, seed):
        """The 128 bytes with which an administrator signs it."""
        key = SigningKey(seed)

        def signed(label, digest):
            return key.sign(label.ljust(16, b"\0") + digest).signature

        if self.change is not None:
            second = signed(b"cv1.change", self.change)
        elif self.policy is not None:
            second = signed(b"cv1.policy", h("cv1.policy", b"", 32, self.policy))
        else:
            second = bytes(64)
        return signed(b"cv1.operation", self.digest) + second


def split(data, size):
    must(len(data) % size == 0, "operation: an item's length")
    return [data[i:i + size] for i in range(0, len(data), size)]


# ---- shares ---------------------------------------------------------------------------------------------------------------------
def seal_to(pk, ctx, plain):
    """PKSEAL, 2.3."""
    e = os.urandom(32)
    epk = crypto_scalarmult_base(e)
    key = h("cv1.pkseal", agree(e, pk), 32, epk, pk, ctx)
    okm = h("cv1.seal", key, 64, bytes(24), ctx)
    return epk + okm[32:] + crypto_aead_xchacha20poly1305_ietf_encrypt(plain, ctx, bytes(24), okm[:32])


def give(person, vault, request, ceremony, rows):
    """A custodian's own rows, as a ceremony's opening answers them, each opened and sealed to the ceremony's key."""
    r, sealed = Reader(rows, "rows of shares"), b""
    while r.at < len(rows):
        role, epoch, index, wrap = r.uint(2), r.uint(4), r.uint(1), r.take(112)
        ctx = context(vault, 12, entity=person.principal, epoch=epoch, field=role, version=index, length=32)
        share = open_pkseal(person.sk, ctx, wrap, "share")
        sealed += seal_to(ceremony, context(vault, 26, entity=request, epoch=epoch, field=role, version=index, writer=person.principal, length=32), share)
    return sealed
