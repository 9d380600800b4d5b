"""Who works on the vault in a soak: each a thread with connections of its own, which tells the soak what was acknowledged."""
import datetime
import http.client
import itertools
import random
import subprocess
import threading
import time

from machine import STANDSTILLS
from vaulttest import Client, child, tile_name

VISIT = {"CV-Purpose": "visit"}
CREATE, READ, REVEAL, PATCH = 3, 2, 23, 25	# kinds of leaves
AREA = "119901"			# where the demo's people work
KEPT = 2500			# records of its own that somebody goes on with; older ones are only looked at again
CHILDREN = itertools.count(1)  # a number stands in one file only


class Ended(Exception):
    """The daemon is going down; the request under way has no outcome."""


class Worker(threading.Thread):
    """Somebody at work. step() makes one or a few requests; records of its own are changed by nobody else."""

    def __init__(self, soak, number):
        super().__init__(daemon=True)
        self.soak, self.number, self.rng = soak, number, random.Random(f"{soak.seed}/{number}")
        self.clients, self.known, self.own, self.touched = {}, {}, [], set()
        self.answers = []		# (leaf index, kinds it may have)
        self.next = time.monotonic()
        self.at_rest = threading.Event()

    def run(self):
        while not self.soak.over:
            if self.soak.held.is_set():
                self.close()
                self.at_rest.set()
                time.sleep(0.005)
                continue
            self.at_rest.clear()
            try:
                self.step()
            except Ended:
                self.close()
                time.sleep(0.005)
            except Exception as error:  # a fault of the daemon or of this test, never silence
                self.soak.fault(f"{type(self).__name__} {self.number}: {error!r}")
                self.close()
            self.pace()
        self.close()

    def pace(self):
        if self.soak.interval > 0:
            self.next = max(self.next + self.soak.interval, time.monotonic() - 1)
            time.sleep(max(0, self.next - time.monotonic()))

    def close(self):
        for client in self.clients.values():
            client.close()
        self.clients.clear()

    def client(self, who):
        if who not in self.clients:
            self.clients[who] = Client(self.soak.vault, self.soak.tokens[who])
        return self.clients[who]

    def ask(self, what, wanted, who, method, path, kinds=None, **more):
        """One request; its latency and leaf are kept, and an answer of another status is a fault."""
        generation, client = self.soak.generation, self.client(who)
        begin = time.monotonic()
        try:
            answer = client.call(method, path, **more)
        except (OSError, http.client.HTTPException) as error:
            # Where the machine stood still, what waited for an answer may have given up at once.
            if self.soak.ending >= generation or STANDSTILLS.since(begin):
                raise Ended from error
            raise
        seconds = time.monotonic() - begin
        if answer.status not in wanted:
            if self.soak.ending >= generation and answer.status in (401, 503):
                raise Ended
            self.soak.fault(f"{what}: {answer} {answer.body[:200]!r}")
            raise Ended
        self.soak.latency(what, seconds)
        if kinds is not None:
            if answer.leaf is None:
                self.soak.fault(f"{what}: {answer} without a leaf")
            else:
                self.answers.append((answer.leaf, kinds))
        return answer

    def read(self, record, clear=False, who="caseworker"):
        more = "&view=clear" if clear else ""
        return self.ask("read, clear" if clear else "read, masked", (200,), who, "GET", f"/v1/records/{record}?fields=name,phone,address,guardian_phone{more}",
                        (REVEAL,) if clear else (READ,), headers={"CV-Reason": "home%20visit"} if clear else None)

    def add(self, answer, fields):
        """A record that was just made is this worker's."""
        record = answer.json["id"]
        self.known[record] = [fields["phone"], set(), fields["name"], answer.json["version"]]
        self.own.append(record)
        self.touched.add(record)
        self.soak.created += 1

    def new_phone(self, record):
        phone = f"137{self.rng.randrange(10 ** 8):08d}"
        self.known[record][1].add(phone)
        self.known[record][3] = None		# until the answer comes nobody knows the version
        self.touched.add(record)
        return phone

    def took(self, record, phone, etag=None):
        self.known[record][0] = phone
        self.known[record][1].clear()
        self.known[record][3] = etag

    def pick(self):
        return self.rng.choice(self.own[-KEPT:]) if self.own else None


class Caseworker(Worker):
    def step(self):
        number, record = self.rng.random(), self.pick()
        if record is None or number < 0.04:
            fields = {**child(next(CHILDREN)), "live_division": AREA}
            self.add(self.ask("create", (201,), "caseworker", "POST", "/v1/records", (CREATE,), body={"fields": fields}), fields)
        elif number < 0.34:
            self.read(self.soak.any_record(self.rng) or record)
        elif number < 0.64:
            self.read(self.soak.any_record(self.rng) or record, clear=True)
        elif number < 0.80:
            self.change(record)
        elif number < 0.87:
            self.ask("history", (200,), "caseworker", "GET", f"/v1/records/{record}/history?fields=phone&limit=5")
        elif number < 0.91:
            self.ask("work list", (200,), "caseworker", "GET", f"/v1/records?limit=20&area={AREA}", headers=VISIT)
        else:
            self.refused(record)

    def change(self, record):
        if self.known[record][3] is None:
            self.known[record][3] = self.read(record).etag
        etag, phone = self.known[record][3], self.new_phone(record)
        answer = self.ask("patch", (204,), "caseworker", "PATCH", f"/v1/records/{record}", (PATCH,),
                          body={"fields": {"phone": phone, "guardian_phone": phone, "address": f"示例省示例市{phone}号"}}, headers={"If-Match": etag})
        self.took(record, phone, answer.etag)

    def refused(self, record):
        path = f"/v1/records/{record}?fields=name"
        what = self.rng.randrange(6)
        if what == 0:
            self.ask("refused", (403,), "caseworker", "GET", path, purpose=False)
        elif what == 1:
            self.ask("refused", (404,), "caseworker", "GET", f"/v1/records/{self.rng.getrandbits(128):032x}?fields=name")
        elif what == 2:
            self.ask("refused", (412,), "caseworker", "PATCH", f"/v1/records/{record}", body={"fields": {"phone": "13700000000"}},
                     headers={"If-Match": f'"{self.rng.getrandbits(128):032x}"'})
        elif what == 3:
            self.ask("refused", (422,), "caseworker", "POST", "/v1/records", body={"fields": {"no_such_field": "x", "phone": "1"}})
        elif what == 4:
            self.ask("refused", (400,), "caseworker", "POST", "/v1/records", raw=b'{"fields":{"name":')
        else:
            self.ask("refused", (401, 429), "caseworker", "GET", path, headers={"Authorization": "Bearer " + "A" * 43})


class Intake(Worker):
    """Writes and reads nothing back; what it sends is merged by whoever reads it next, which this worker does as a caseworker."""

    def step(self):
        number, record = self.rng.random(), self.pick()
        if record is None or number < 0.1:
            fields = {**child(next(CHILDREN)), "live_division": AREA}
            self.add(self.ask("create, write-only", (201,), "intake", "POST", "/v1/records", (CREATE,), body={"fields": fields}), fields)
        elif number < 0.6:
            phone = self.new_phone(record)
            self.ask("drop", (204,), "intake", "PATCH", f"/v1/records/{record}", (PATCH,), body={"fields": {"phone": phone, "guardian_phone": phone}})
            self.took(record, phone)
        elif number < 0.95:
            self.read(record, clear=self.rng.random() < 0.5)
        else:
            self.ask("refused", (403, 404), "intake", "GET", f"/v1/records/{record}?fields=phone")


class Manager(Worker):
    """Assigns a file to a clerk and takes it back; lets a grant be asked for, approves it, and has it used."""

    def __init__(self, soak, number):
        super().__init__(soak, number)
        self.asked = 0.0

    def step(self):
        record = self.soak.any_record(self.rng)
        if record is None:
            time.sleep(0.01)
            return
        soon = (datetime.date.today() + datetime.timedelta(days=20)).isoformat()
        # Nobody may make more than 500 requests a day.
        if time.monotonic() - self.asked < self.soak.args.minutes * 60 / 400:
            made = self.ask("assign", (201,), "manager", "POST", "/v1/assignments",
                            body={"principal": "clerk", "records": [record], "purposes": ["visit"], "until": soon})
            self.soak.objects[made.json["id"]] = ("assignments", {"active", "revoked"})
            self.ask("revoke", (200,), "manager", "POST", f"/v1/assignments/{made.json['id']}:revoke", body={})
            self.soak.objects[made.json["id"]] = ("assignments", {"revoked"})
            time.sleep(0.2)
            return
        self.asked = time.monotonic()
        made = self.ask("request", (201,), "clerk", "POST", "/v1/requests",
                        body={"kind": "grant", "record": record, "fields": ["phone"], "purpose": "visit", "reason": "家访前联系", "until": soon, "reads": 1})
        self.soak.objects[made.json["id"]] = ("requests", {"pending", "approved"})
        self.ask("approve", (200,), "manager", "POST", f"/v1/requests/{made.json['id']}:approve", body={})
        self.soak.objects[made.json["id"]] = ("requests", {"approved"})
        # A clerk may see so many files an hour; then a grant opens none either.
        self.ask("read, granted", (200, 429), "clerk", "GET", f"/v1/records/{record}?fields=phone", headers=VISIT)
        self.ask("refused", (403, 404, 429), "clerk", "GET", f"/v1/records/{record}?fields=phone", headers=VISIT)


class Auditor(Worker):
    """Looks at what happened just now, and now and then at something of long ago, for which core tries the keys of all children."""

    def step(self):
        answer = self.ask("checkpoint", (200,), "auditor", "GET", "/v1/audit/checkpoint", purpose=False)
        size = int(answer.body.decode().splitlines()[1])
        self.ask("events", (200,), "auditor", "GET", f"/v1/audit/events?from={max(size - 50, 0)}&limit=50", purpose=False)
        if self.rng.random() < 0.05:
            self.ask("events of long ago", (200,), "auditor", "GET", f"/v1/audit/events?from={self.rng.randrange(self.soak.log_size + 1)}&limit=50",
                     purpose=False)
        if size >= 256:
            self.ask("tile", (200,), "auditor", "GET", f"/v1/audit/tile/entries/{tile_name(self.rng.randrange(size // 256))}", purpose=False)
        time.sleep(0.25)


class Visitor(Worker):
    """Opens a session, uses it once and ends it."""

    def step(self):
        generation = self.soak.generation
        begin = time.monotonic()
        try:
            token = self.soak.vault.login("worker-east")
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            if self.soak.ending >= generation:
                raise Ended from error
            raise
        self.soak.latency("login, a process each", time.monotonic() - begin)
        self.clients["visitor"] = Client(self.soak.vault, token)
        self.ask("limits", (200,), "visitor", "GET", "/v1/sys/limits")
        self.ask("logout", (204,), "visitor", "DELETE", "/v1/sessions/current")
        self.clients.pop("visitor").close()
        time.sleep(0.2)
