"""A Python client of Childvault in one file: python3-nacl for logging in, the standard library for the rest.

    from childvault import Childvault

    with Childvault("/srv/vault/api.sock") as vault:
        vault.login("caseworker.key")                      # passphrase=b"..." if the key file has one
        record = vault.create({"name": "..."}, purpose="intake")
        answer = vault.get(record["id"], ["name", "phone"], purpose="intake")
        vault.patch(record["id"], {"phone": "..."}, purpose="intake", etag=answer["version"])

A refusal raises Problem, whose `kind` is one of the closed list in docs/PROTOCOL.md; whatever else goes wrong raises
ChildvaultError or OSError. Numbers are those of docs/FORMAT.md sections 2, 3, 12 and docs/PROTOCOL.md section 4. Python cannot
wipe memory: a program for which that matters lets `childvault login` open the session and passes the token on.
"""
import base64
import hashlib
import http.client
import json
import os
import re
import socket
import struct
import urllib.parse

__all__ = ["Childvault", "ChildvaultError", "ForkedLog", "Problem"]

_ZERO16 = bytes(16)
_BATCH = 5000  # records of one import request: their answers fit what the daemon keeps for a client that does not read yet
_CONTEXT_KEY_WRAP, _CONTEXT_SESSION, _CONTEXT_KEYFILE = 4, 11, 23


class ChildvaultError(Exception):
    """The key file, the passphrase, or an answer that does not follow the protocol."""


class Problem(ChildvaultError):
    """The daemon refused. kind, title, status and body are its own words; explain is the rule (demo vaults only)."""

    def __init__(self, status, body, explain=""):
        self.status, self.body, self.explain = status, body, explain
        self.kind, self.title = body.get("kind", ""), body.get("title", "")
        super().__init__(f"{self.title} ({self.kind})")


# ---- constructions, FORMAT.md section 2 ------------------------------------------------------------------------------


def _hash(bits, label, key, *parts):
    h = hashlib.blake2b(key=key, person=label.encode().ljust(16, b"\0"), digest_size=bits // 8)
    for part in parts:
        h.update(part)
    return h.digest()


def _context(kind, vault, entity=_ZERO16, epoch=0, field=0, version=0, writer=_ZERO16, length=0):
    return (b"CVX1" + struct.pack(">BBH", kind, 1, 1) + vault + entity + struct.pack(">IIII", 0, epoch, 0, field) +
            struct.pack(">Q", version) + writer + struct.pack(">Q", length) + bytes(8))


def _open_with(key, nonce, context, commitment, ciphertext):
    from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt
    from nacl.exceptions import CryptoError
    from hmac import compare_digest
    okm = _hash(512, "cv1.seal", key, nonce, context)
    if not compare_digest(okm[32:], commitment):
        return None
    try:
        return crypto_aead_xchacha20poly1305_ietf_decrypt(ciphertext, context, nonce, okm[:32])
    except CryptoError:
        return None


def _seal_open(key, context, sealed):
    return _open_with(key, sealed[:24], context, sealed[24:56], sealed[56:])


def _pk_key(shared, ephemeral, pk, context):
    return _hash(256, "cv1.pkseal", shared, ephemeral, pk, context)


def _pkseal_open(sk, context, sealed):
    from nacl.bindings import crypto_scalarmult, crypto_scalarmult_base
    try:
        shared = crypto_scalarmult(sk, sealed[:32])
    except Exception:  # a point of low order
        return None
    key = _pk_key(shared, sealed[:32], crypto_scalarmult_base(sk), context)
    return _open_with(key, bytes(24), context, sealed[32:64], sealed[64:])


def _pkseal(pk, context, message):
    from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt, crypto_scalarmult, crypto_scalarmult_base
    esk = os.urandom(32)
    epk = crypto_scalarmult_base(esk)
    okm = _hash(512, "cv1.seal", _pk_key(crypto_scalarmult(esk, pk), epk, pk, context), bytes(24), context)
    return epk + okm[32:] + crypto_aead_xchacha20poly1305_ietf_encrypt(message, context, bytes(24), okm[:32])


def _argon2id(passphrase, salt, kib, passes):
    from nacl.bindings import crypto_pwhash_ALG_ARGON2ID13, crypto_pwhash_alg
    if not (65536 <= kib <= 4194304 and 3 <= passes <= 16):
        raise ChildvaultError("the key file's parameters are outside the allowed range")
    return crypto_pwhash_alg(32, passphrase, salt, passes, kib * 1024, crypto_pwhash_ALG_ARGON2ID13)


# ---- key files, FORMAT.md section 12 ------------------------------------------------------------------------------------


class _KeyFile:
    HEAD = struct.Struct(">BBB16s16sII16s")

    def __init__(self, text):
        match = re.fullmatch(rb"childvault-key-1\n([A-Za-z0-9+/]+=*)\n", text)
        if not match:
            raise ChildvaultError("this is not a key file")
        data = base64.b64decode(match.group(1), validate=True)
        if len(data) < self.HEAD.size:
            raise ChildvaultError("this is not a key file")
        fmt, suite, self.protection, self.principal, self.vault, self.kib, self.passes, self.salt = self.HEAD.unpack_from(data)
        self.body = data[self.HEAD.size:]
        if (fmt, suite) != (1, 1) or (self.protection, len(self.body)) not in ((0, 64), (1, 136)):
            raise ChildvaultError("this is not a key file")

    def derive(self, passphrase):
        """pw, or None without protection."""
        if not self.protection:
            return None
        if passphrase is None:
            raise ChildvaultError("this key file wants its passphrase")
        return _argon2id(passphrase, self.salt, self.kib, self.passes)

    def open(self, pw, answer):
        """X25519 secret key and Ed25519 seed. A file that no vault stands behind yet opens by its passphrase alone."""
        secrets = self.body
        if self.protection:
            kek = _hash(256, "cv1.kek", pw, answer if self.vault != _ZERO16 else bytes(32))
            secrets = _seal_open(kek, _context(_CONTEXT_KEYFILE, self.vault, self.principal, length=64), self.body)
        if secrets is None:
            raise ChildvaultError("this key opens no session here: unknown or suspended principal, or wrong passphrase")
        return secrets[:32], secrets[32:]


# ---- the log's head, FORMAT.md section 12 ---------------------------------------------------------------------------------


class ForkedLog(ChildvaultError):
    """The vault's log is not one that grew out of what this key saw before: it went back, was forked, or is another one."""


def _log_key(line):
    """Name, key id and public key of a verifier key."""
    match = re.fullmatch(r"([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)\n?", line)
    raw = base64.b64decode(match.group(3), validate=True) if match else b""
    name = match.group(1) if match else ""
    if len(raw) != 33 or raw[0] != 1 or hashlib.sha256(name.encode() + b"\n" + raw).hexdigest()[:8] != match.group(2):
        raise ChildvaultError("this is no verifier key of a log")
    return name, bytes.fromhex(match.group(2)), raw[1:]


def _checkpoint(note, key):
    """Size and root of a checkpoint that the log's key has signed."""
    from nacl.bindings import crypto_sign_open
    name, key_id, pk = key
    text, _, lines = note.rpartition("\n\n")
    said = re.fullmatch("([^\n]+)\n(0|[1-9][0-9]{0,18})\n([A-Za-z0-9+/]{43}=)", text)
    if not said or said.group(1) != name:
        raise ForkedLog("this is no checkpoint of the log that was known")
    good = 0
    for line in lines.splitlines():
        match = re.fullmatch("\u2014 ([^ ]+) ([A-Za-z0-9+/]+=*)", line)
        raw = base64.b64decode(match.group(2)) if match else b""
        if not match or match.group(1) != name or raw[:4] != key_id:
            continue
        try:
            crypto_sign_open(raw[4:] + text.encode() + b"\n", pk)
        except Exception:
            raise ForkedLog("the checkpoint is not signed by the log that was known") from None
        good += 1
    if not good:
        raise ForkedLog("the checkpoint is not signed by the log that was known")
    return int(said.group(2)), base64.b64decode(said.group(3), validate=True)


def _grown(size1, root1, size2, root2, proof):
    """RFC 9162 section 2.1.4.2."""
    if size1 == size2:
        return not proof and root1 == root2
    if size1 > size2 or size1 == 0 or not proof:
        return size1 == 0
    path = [root1] + proof if size1 & (size1 - 1) == 0 else list(proof)
    fn, sn = size1 - 1, size2 - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr = hashlib.sha256(b"\1" + c + fr).digest()
            sr = hashlib.sha256(b"\1" + c + sr).digest()
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = hashlib.sha256(b"\1" + sr + c).digest()
        fn, sn = fn >> 1, sn >> 1
    return fr == root1 and sr == root2 and sn == 0


# ---- the client -----------------------------------------------------------------------------------------------------------


class _Connection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Childvault:
    """One connection to a vault's api.sock. Not shared between threads."""

    def __init__(self, path, token=None, timeout=60):
        self.token, self.roles, self.expires_at = token, [], None
        self._connection = _Connection(path, timeout)

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.close()

    def close(self):
        self._connection.close()

    # ---- one call

    def call(self, method, target, body=None, headers=None, media="application/json"):
        """Send one request; returns (status, headers, bytes). A problem raises Problem."""
        head = dict(headers or {})
        if self.token:
            head["Authorization"] = "Bearer " + self.token
        data = None
        if isinstance(body, bytes):
            data, head["Content-Type"] = body, media
        elif body is not None:
            data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
            head["Content-Type"] = media
        try:
            self._connection.request(method, target, data, head)
            answer = self._connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()  # the next call begins on a new connection
            raise
        if answer.status >= 400:
            try:
                problem = json.loads(content)
            except ValueError:
                raise ChildvaultError("the daemon's answer does not follow the protocol") from None
            raise Problem(answer.status, problem, urllib.parse.unquote(answer.headers.get("CV-Explain", "")))
        return answer.status, answer.headers, content

    @staticmethod
    def _with(purpose, case=None, reason=None):
        quoted = {"CV-Purpose": purpose, "CV-Case": case, "CV-Reason": reason}
        return {name: urllib.parse.quote(text, safe="") for name, text in quoted.items() if text is not None}

    # ---- sessions

    def login(self, key_file, passphrase=None, roles=None):
        """Open a session with a key file. passphrase: bytes. roles: role numbers or names; None takes all. Returns the roles.

        KEY_FILE.head remembers the log as this key saw it last; ForkedLog if the vault's log did not grow out of that.
        """
        names = self._login(key_file, passphrase, roles)
        try:
            self._check_head(os.fspath(key_file) + ".head")
        except ForkedLog:
            self.logout()
            raise
        return names

    def _check_head(self, path):
        try:
            with open(path, encoding="utf-8") as f:
                title, line, note = (f.read() + "\n\n").split("\n", 2)
            if title != "childvault-head-1":
                raise ForkedLog(f"{path} is not what was written there")
            note = note[:-2]
            key = _log_key(line)
            old = _checkpoint(note, key)
        except FileNotFoundError:
            line = self.call("GET", "/v1/audit/vkey")[2].decode().rstrip("\n")
            key, old, note = _log_key(line), (0, b""), ""
        try:
            answer = self.call("GET", f"/v1/audit/proof?from={old[0]}")[2].decode()
        except Problem as problem:
            if problem.status == 404 and old[0] == 0:
                return  # nothing is signed yet
            if problem.status == 404:
                raise ForkedLog("the vault's log is shorter than it was") from None
            raise
        head, _, fresh = answer.partition("\n\n")
        proof = [base64.b64decode(h, validate=True) for h in head.split("\n")[1:]]
        new = _checkpoint(fresh, key)
        if not _grown(*old, *new, proof):
            raise ForkedLog("the vault's log is not one that grew out of what this key saw before")
        if fresh == note:
            return
        try:
            with open(path + ".new", "w", encoding="utf-8") as f:
                f.write(f"childvault-head-1\n{line}\n{fresh}")
            os.chmod(path + ".new", 0o600)
            os.replace(path + ".new", path)
        except OSError:
            pass  # a folder that cannot be written remembers nothing; the next login finds what is there

    def _login(self, key_file, passphrase, roles):
        with open(key_file, "rb") as f:
            key = _KeyFile(f.read())
        pw = key.derive(passphrase)
        wanted = None if roles is None else [str(role) for role in roles]
        hello, opened, seed = self._hello(key, pw)
        names = self._activate(key, hello, opened, seed)
        if wanted is None:
            return names
        chosen = [entry for entry, name in zip(opened, names) if name in wanted or str(entry[0]) in wanted]
        chosen += opened[len(names):]
        missing = [w for w in wanted if not any(w in (name, str(entry[0])) for entry, name in zip(opened, names))]
        if missing or len(chosen) != len(opened):  # names are known only now: this was not what was asked for
            self.logout()
        if missing:
            raise ChildvaultError("this key does not open a role that was asked for")
        if len(chosen) != len(opened):
            hello, opened, seed = self._hello(key, pw)
            numbers = {entry[0] for entry in chosen}
            names = self._activate(key, hello, [entry for entry in opened if entry[0] in numbers], seed)
        return names

    def _hello(self, key, pw):
        question = _hash(256, "cv1.pep.q", pw) if pw else bytes(32)
        self.token = None
        _, _, content = self.call("POST", "/v1/sessions", {"principal": key.principal.hex(),
                                                           "question": base64.b64encode(question).decode()})
        hello = json.loads(content)
        vault = bytes.fromhex(hello["vault"])
        sk, seed = key.open(pw, base64.b64decode(hello["answer"]))
        opened = []
        for wrap in hello["wraps"]:  # decoys and another's do not open
            context = _context(_CONTEXT_KEY_WRAP, vault, key.principal, wrap["epoch"], wrap["role"], 1, length=32)
            secret = _pkseal_open(sk, context, base64.b64decode(wrap["wrap"]))
            if secret is not None:
                opened.append((wrap["role"], wrap["epoch"], secret))
        opened.sort()  # the personal role (0x8000 and up) comes last: it has no name in the answer
        if not opened:
            raise ChildvaultError("this key opens no session here: unknown or suspended principal, or wrong passphrase")
        return hello, opened, seed

    def _activate(self, key, hello, opened, seed):
        from nacl.signing import SigningKey
        vault, session = bytes.fromhex(hello["vault"]), bytes.fromhex(hello["session"])
        ephemeral = base64.b64decode(hello["ephemeral_key"])
        proof = b"cv1.proof".ljust(16, b"\0") + session + ephemeral + bytes([len(opened)])
        entries = []
        for role, epoch, secret in opened:
            sealed = _pkseal(ephemeral, _context(_CONTEXT_SESSION, vault, session, epoch, role, writer=key.principal, length=32), secret)
            proof += struct.pack(">HI", role, epoch) + sealed
            entries.append({"role": role, "epoch": epoch, "sealed": base64.b64encode(sealed).decode()})
        signature = SigningKey(seed).sign(proof).signature
        _, _, content = self.call("PUT", "/v1/sessions/" + session.hex(),
                                  {"roles": entries, "signature": base64.b64encode(signature).decode()})
        answer = json.loads(content)
        self.token, self.roles, self.expires_at = answer["token"], answer["roles"], answer["expires_at"]
        return self.roles

    def logout(self):
        try:
            self.call("DELETE", "/v1/sessions/current")
        finally:
            self.token = None

    # ---- records

    def create(self, fields, purpose, case=None, idempotency_key=None):
        """Store a record; returns {"id", "version"}."""
        head = self._with(purpose, case)
        if idempotency_key is not None:
            head["Idempotency-Key"] = idempotency_key
        return json.loads(self.call("POST", "/v1/records", {"fields": fields}, head)[2])

    def _read(self, path, names, purpose, case, reason, clear, limit=None, before=None):
        query = "?fields=" + ",".join(urllib.parse.quote(name, safe="") for name in names)
        query += "&view=clear" if clear else ""
        query += f"&limit={int(limit)}" if limit else ""
        query += f"&before={int(before)}" if before else ""
        return json.loads(self.call("GET", path + query, headers=self._with(purpose, case, reason))[2])

    def get(self, record, names, purpose, case=None, reason=None, clear=False):
        """The named fields: {"id", "version", "fields", "meta"}. clear needs the right and a reason."""
        return self._read(f"/v1/records/{record}", names, purpose, case, reason, clear)

    def history(self, record, names, purpose, case=None, reason=None, clear=False, limit=None, before=None):
        return self._read(f"/v1/records/{record}/history", names, purpose, case, reason, clear, limit, before)

    def patch(self, record, fields, purpose, etag=None, case=None):
        """Change fields (None takes one away); etag is the version that was read. Returns the new version."""
        head = self._with(purpose, case)
        if etag is not None:
            head["If-Match"] = etag
        return self.call("PATCH", f"/v1/records/{record}", {"fields": fields}, head, "application/merge-patch+json")[1]["ETag"]

    def list(self, purpose, case=None, **narrow):
        """The work list, page by page: each {"id", "due", "state", "area"}. narrow: area, due, state, limit. Counts in the budget."""
        yield from self._pages("/v1/records", "records", narrow, self._with(purpose, case))

    def import_records(self, records, purpose, case=None, idempotency_key=None, first=1):
        """Store many records: an iterable of fields. Yields an answer for each, in order: {"line", "status", "id" or "kind", ...}.

        first is the number of the first one. With an idempotency_key (at most 50 characters) the same number is stored once, so
        that what was broken off can be done again. Sent in batches, since http.client does not read while it writes.
        """
        batch, number = [], first
        for fields in records:
            batch.append(json.dumps({"fields": fields}, ensure_ascii=False, separators=(",", ":")).encode())
            if len(batch) == _BATCH:
                yield from self._import(batch, number, purpose, case, idempotency_key)
                batch, number = [], number + _BATCH
        if batch:
            yield from self._import(batch, number, purpose, case, idempotency_key)

    def _import(self, lines, first, purpose, case, idempotency_key):
        head = self._with(purpose, case)
        if idempotency_key is not None:
            head["Idempotency-Key"] = idempotency_key
        content = self.call("POST", f"/v1/records:import?from={first}", b"\n".join(lines) + b"\n", head, "application/x-ndjson")[2]
        answers = [json.loads(line) for line in content.splitlines()]
        if [answer.get("line") for answer in answers] != [first + i for i in range(len(lines))]:
            raise ChildvaultError("the daemon's answer does not follow the protocol")
        return answers

    def export(self, request, names, purpose, case=None, reason=None, **narrow):
        """The records of an approved request of kind export: {"export", "mark"}, then each record, or why it is not there.

        narrow: view="clear", area, state.
        """
        body = {"request": request, "fields": [*names], **narrow}
        return [json.loads(line) for line in self.call("POST", "/v1/records:export", body, self._with(purpose, case, reason))[2].splitlines()]

    # ---- governance: collection is "assignments", "requests", "grants", "delegations", "jobs", "members" or "reviews"

    def make(self, collection, **members):
        """Make an object, such as make("requests", kind="grant", record=..., fields=[...], ...); returns it."""
        return json.loads(self.call("POST", "/v1/" + collection, members)[2])

    def object(self, collection, name):
        return json.loads(self.call("GET", f"/v1/{collection}/{name}")[2])

    def objects(self, collection, **narrow):
        """The objects of a collection, page by page. narrow: state, principal, record, waiting="me", limit."""
        yield from self._pages("/v1/" + collection, collection, narrow, {})

    def act(self, collection, name, action, **members):
        """approve, reject, withdraw, revoke, resume or cancel; returns the object as it stands then."""
        return json.loads(self.call("POST", f"/v1/{collection}/{name}:{action}", members or None)[2])

    def _pages(self, path, name, narrow, headers):
        cursor = ""
        while cursor is not None:
            query = urllib.parse.urlencode({**narrow, **({"cursor": cursor} if cursor else {})}, quote_via=urllib.parse.quote)
            page = json.loads(self.call("GET", path + ("?" + query if query else ""), headers=headers)[2])
            yield from page[name]
            cursor = page["cursor"]

    # ---- the rest

    def policy(self):
        """The policy document in force, docs/FORMAT.md section 11."""
        return self.call("GET", "/v1/sys/policy")[2]

    def directory(self):
        """The signed directory with leaf 0 (docs/FORMAT.md section 12), as bytes: for whoever verifies it."""
        return self.call("GET", "/v1/sys/directory")[2]

    def events(self, first=0, limit=100, keys=False):
        query = f"?from={int(first)}&limit={int(limit)}" + ("&keys=true" if keys else "")
        return json.loads(self.call("GET", "/v1/audit/events" + query)[2])

    def find_events(self, **narrow):
        """Entries that are so, one after the other: principal, record, kind, since, until, with record also purpose; limit and keys as above."""
        yield from self._pages("/v1/audit/events", "events", narrow, {})

    def checkpoint(self):
        return self.call("GET", "/v1/audit/checkpoint")[2].decode()

    def health(self):
        return json.loads(self.call("GET", "/v1/sys/health")[2])["state"]
