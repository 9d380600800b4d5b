"""What administrators and custodians do with their keys, in Python: sign an operation, open shares and seal them to a ceremony.

The commands do the same (46-members-add, 47-rekey); here it is done without their looking at the whole directory, where a test does it many times
or takes the time. Constructions as docs/FORMAT.md sections 2, 3 and 5.5 write them.
"""
import base64
import hashlib
import os
import re
import struct
import subprocess
import threading
import time

from nacl.bindings import (crypto_aead_xchacha20poly1305_ietf_decrypt, crypto_aead_xchacha20poly1305_ietf_encrypt, crypto_scalarmult,
                           crypto_scalarmult_base)
from nacl.signing import SigningKey

ROW = 2 + 4 + 1 + 112


def blake(label, key, n, *parts):
    return hashlib.blake2b(b"".join(parts), digest_size=n, key=key, person=label.encode().ljust(16, b"\0")).digest()


def context(vault, kind, entity, epoch, field, version, writer=bytes(16)):
    return b"CVX1" + struct.pack(">BBH", kind, 1, 1) + vault + entity + struct.pack(">IIIIQ", 0, epoch, 0, field, version) + writer + struct.pack(
        ">QQ", 32, 0)


def pkopen(sk, ctx, sealed):
    epk, commit, body = sealed[:32], sealed[32:64], sealed[64:]
    key = blake("cv1.pkseal", crypto_scalarmult(sk, epk), 32, epk, crypto_scalarmult_base(sk), ctx)
    okm = blake("cv1.seal", key, 64, bytes(24), ctx)
    if okm[32:] != commit:
        raise ValueError("not for this key or place")
    return crypto_aead_xchacha20poly1305_ietf_decrypt(body, ctx, bytes(24), okm[:32])


def pkseal(pk, ctx, message):
    e = os.urandom(32)
    epk = crypto_scalarmult_base(e)
    key = blake("cv1.pkseal", crypto_scalarmult(e, pk), 32, epk, pk, ctx)
    okm = blake("cv1.seal", key, 64, bytes(24), ctx)
    return epk + okm[32:] + crypto_aead_xchacha20poly1305_ietf_encrypt(message, ctx, bytes(24), okm[:32])


class Key:
    """A key file without a passphrase."""

    def __init__(self, path):
        with open(path, "r", encoding="ascii") as f:
            raw = base64.b64decode(re.fullmatch(r"childvault-key-1\n([A-Za-z0-9+/=]+)\n", f.read()).group(1))
        if raw[2] != 0:
            raise ValueError("the key file asks for a passphrase")
        self.principal, self.box, self.seed = raw[3:19], raw[-64:-32], raw[-32:]

    def sign(self, document):
        """An administrator's 128 bytes under an operation with a change set, or with none."""
        key = SigningKey(self.seed)
        first = key.sign(b"cv1.operation".ljust(16, b"\0") + blake("cv1.operation", b"", 32, document[:124])).signature
        n = struct.unpack_from(">I", document, 124)[0]
        change = document[128:128 + n]
        if n == 0:
            return first + bytes(64)
        return first + key.sign(b"cv1.change".ljust(16, b"\0") + change[-33:-1]).signature

    def reseal(self, vault, request, ceremony, rows):
        """This custodian's shares, opened and sealed to a ceremony."""
        sealed = b""
        for at in range(0, len(rows), ROW):
            role, epoch, index = struct.unpack_from(">HIB", rows, at)
            share = pkopen(self.box, context(vault, 12, self.principal, epoch, role, index), rows[at + 7:at + ROW])
            sealed += pkseal(ceremony, context(vault, 26, request, epoch, role, index, self.principal), share)
        return sealed


class Hands:
    """People of an office at work on requests, each with a session of their own that is opened anew when it has ended."""

    def __init__(self, office):
        self.office, self.clients, self.keys = office, {}, {}

    def key(self, who):
        return self.keys.setdefault(who, Key(self.office.key(who)))

    def call(self, who, method, path, body=None):
        for _ in range(2):
            if who not in self.clients:
                self.clients[who] = self.office.client(who, None)
            try:
                answer = self.clients[who].call(method, path, body)
                if answer.status != 401:
                    return answer
            except OSError:
                pass
            del self.clients[who]
        return self.office.client(who, None).call(method, path, body)

    def must(self, who, method, path, body=None):
        answer = self.call(who, method, path, body)
        if answer.status >= 300:
            raise RuntimeError(f"{who} {method} {path}: {answer} {answer.body.decode()}")
        return answer.json

    def signed(self, kind, first="admin-a", second="admin-b", **body):
        """A request that two administrators have signed: its id."""
        request = self.must(first, "POST", "/v1/requests", {"kind": kind, "reason": "a drill", **body})["id"]
        for who, action in ((first, "sign"), (second, "approve")):
            document = base64.b64decode(self.must(who, "GET", f"/v1/requests/{request}")["document"])
            signature = base64.b64encode(self.key(who).sign(document)).decode()
            self.must(who, "POST", f"/v1/requests/{request}:{action}", {"signature": signature})
        return request

    def shares(self, request, who):
        """What a custodian gives, ready to be sent."""
        opened = self.must(who, "POST", f"/v1/requests/{request}:open", {})
        document = self.must(who, "GET", f"/v1/requests/{request}").get("document")
        vault = base64.b64decode(document)[8:24] if document else self.vault
        self.vault = vault
        return base64.b64encode(self.key(who).reseal(vault, bytes.fromhex(request), bytes.fromhex(opened["ceremony"]),
                                                     base64.b64decode(opened["shares"]))).decode()

    def give(self, request, *custodians):
        """Custodians give; the seconds that the last one's answer took, and the answer."""
        for who in custodians or ("custodian-1", "custodian-2"):
            shares = self.shares(request, who)
            begin = time.monotonic()
            answer = self.must(who, "POST", f"/v1/requests/{request}:give", {"shares": shares})
            seconds = time.monotonic() - begin
        return seconds, answer
