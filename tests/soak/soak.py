#!/usr/bin/python3
"""make soak: an hour of mixed work with restarts in between, after which nothing has grown, slowed down or been lost; results/soak.json.

Six windows of equal length. In each of them caseworkers create, change and read files (masked, clear, history, work list), an application that may only
write hands in files and changes (which the next reader merges), a manager assigns and grants and takes back, sessions open and close, an auditor reads
events and tiles, and a part of all requests is refused. A window ends with a clean stop or kill -9 under work; the first one begins with several of them.

What has to be true at the end: anonymous memory of core and fronts does not grow within a window, once it is warm, nor from window to window, but for 32
bytes a record; an idle daemon has as many descriptors and threads after a window as before it; latencies of the last window are those of the earlier
ones; every acknowledged change is there and every answer has its leaf after each restart; the log verifies whenever the daemon is down.

    soak.py [--minutes 60] [--rate 400] [--out results/soak.json]
    soak.py --short         three windows of half a minute, as fast as it goes, for make check-soak; writes no result
"""
import argparse
import collections
import gc
import json
import os
import random
import statistics
import sys
import tempfile
import threading
import time

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "integration"))
sys.path.insert(0, os.path.join(ROOT, "tests", "bench"))
from machine import machine  # noqa: E402
from vaulttest import Client, Test, Vault, leaf_head, program, run, split_leaves, tile_name, wait_until  # noqa: E402
from work import KEPT, VISIT, Auditor, Caseworker, Intake, Manager, Visitor  # noqa: E402

PEOPLE = ("caseworker", "worker-east", "clerk", "manager", "intake", "auditor")
KIB = 1024
RECORD_BYTES = 32		# what core's work list holds for a record
WINDOWS = {False: 6, True: 3}	# whether it is the short form
SATURATE, SATURATE_S = 6000, 20
WARM = 0.4			# share of a window after which memory is warm


class Limits:
    """What counts as growth. A short run sees less of a leak a request, and more of other work on the machine."""

    def __init__(self, short, rate, seconds):
        # Between what is compared lie 100,000 requests of a long window, so that 10 bytes a request are seen; 12,000 of a short one: 64 bytes.
        self.core_window = (768 if short else 1024) * KIB
        self.fronts_window = (256 if short else 512) * KIB
        # What core holds when it is warm depends on how much once waited to be applied.
        self.core_windows = (32 if short else 16) * 1024 * KIB
        self.fronts_windows = 1024 * KIB
        self.p50, self.p99 = (3.0, None) if short else (1.3, 2.0)
        self.start_s = 10 if short else 2
        self.work = 2000 if short else int(0.8 * rate * seconds)


# ---- what is watched ----------------------------------------------------------------------------------------------------------

def status(pid):
    with open(f"/proc/{pid}/status", "r") as f:
        return {line.split(":")[0]: int(line.split()[1]) for line in f if line.startswith(("RssAnon", "Threads"))}


class Watch(threading.Thread):
    """Memory of core and fronts, twice a second while there is work."""

    def __init__(self, soak):
        super().__init__(daemon=True)
        self.soak, self.samples = soak, []

    def run(self):
        while not self.soak.over:
            roles = self.soak.roles
            if roles and not self.soak.held.is_set() and self.soak.ending < self.soak.generation:
                try:
                    anon = {role: sum(status(pid)["RssAnon"] for pid in pids) * KIB for role, pids in roles.items()}
                    self.samples.append((time.monotonic(), anon["core"], anon["fronts"], self.soak.created))
                except (OSError, KeyError):
                    pass
            time.sleep(0.5)


class Soak:
    def __init__(self, args):
        self.args, self.limits = args, Limits(args.short, args.rate, args.minutes * 60 / WINDOWS[args.short])
        self.seed = args.seed
        self.vault = Vault(folder=tempfile.mkdtemp(prefix="cvs.", dir="/var/tmp"))
        self.over, self.held = False, threading.Event()
        self.generation, self.ending = 0, 0
        self.tokens, self.roles, self.objects = {}, {}, {}
        self.created = self.log_size = self.checked = self.requests = 0
        self.faults, self.lost, self.leafless, self.unverified = [], [], [], []
        self.latencies = collections.defaultdict(list)
        self.starts, self.windows, self.rest = [], [], []
        self.lock = threading.Lock()
        self.rng = random.Random(self.seed)
        self.held.set()
        kinds = [Caseworker] * 6 + [Intake] * 2 + [Manager, Auditor, Visitor]
        self.workers = [kind(self, n) for n, kind in enumerate(kinds)]
        self.interval = len(kinds) / args.rate if args.rate else 0

    def fault(self, text):
        with self.lock:
            self.faults.append(text)

    def latency(self, what, seconds):
        self.latencies[what].append(seconds)

    def any_record(self, rng):
        own = self.workers[rng.randrange(8)].own
        return own[-1 - rng.randrange(min(len(own), KEPT))] if own else None

    # ---- up and down

    def start(self, down):
        begin = time.monotonic()
        self.vault.start()
        self.starts.append({"after": down, "seconds": round(time.monotonic() - begin, 3)})
        pids = sorted(self.vault.pids(), key=lambda pid: status(pid)["RssAnon"])
        self.roles = {"supervisor": pids[:1], "fronts": pids[1:-1], "core": pids[-1:]}
        self.tokens = {who: self.vault.login(who) for who in PEOPLE}
        clerk = Client(self.vault, self.tokens["clerk"])
        # Until the work list is filled its answer is 503; 429 where the clerk has used up what an hour allows.
        answer = wait_until(lambda: (a := clerk.call("GET", "/v1/records?limit=1", headers=VISIT)).status != 503 and a, "the work list is not filled", 60)
        if answer.status not in (200, 429):
            raise RuntimeError(f"the work list: {answer} {answer.body!r}")
        clerk.close()
        self.generation += 1

    def counts(self):
        """Descriptors and threads of an idle daemon."""
        return {role: [sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids), sum(status(pid)["Threads"] for pid in pids)] for role, pids in self.roles.items()}

    def hold(self):
        self.held.set()
        wait_until(lambda: all(w.at_rest.is_set() for w in self.workers), "the workers do not come to rest", 60)

    def work(self):
        for w in self.workers:
            w.at_rest.clear()
        self.held.clear()

    def down(self, kill):
        """Under work, at a moment of its own."""
        time.sleep(self.rng.uniform(0.2, 1.0))
        self.ending = self.generation
        if kill:
            self.vault.kill9()
        elif self.vault.stop() != 0:
            self.fault("a clean stop has another exit code than 0")
        self.roles = {}
        self.hold()
        log = os.path.join(self.vault.dir, "log")
        answer = run(program("childvault-audit"), "verify", log, check=False)
        # Killed in the middle of writing, a torn tail may be named; tree and signature must hold.
        if answer.returncode != 0 and not (kill and answer.returncode == 3 and "tail" in answer.stdout + answer.stderr):
            self.unverified.append((answer.returncode, answer.stdout + answer.stderr))
        return "kill -9" if kill else "clean stop"

    # ---- what has to be there

    def check(self, everything=False):
        """After a start, with nobody at work: records that were touched, some or all of the others, objects, and a leaf for each answer."""
        client = Client(self.vault, self.tokens["caseworker"])
        for w in self.workers:
            old = w.own if everything else self.rng.sample(w.own, min(20, len(w.own)))
            for record in w.touched | set(old):
                phone, under_way, name, _ = w.known[record]
                answer = client.read(record, ["name", "phone"], clear=True)
                fields = answer.json.get("fields", {}) if answer.status == 200 else {}
                if fields.get("name") != name or fields.get("phone") not in {phone} | under_way:
                    self.lost.append((record, answer.status, answer.kind))
                elif under_way:
                    w.took(record, fields["phone"])
            w.touched.clear()
        client.close()
        manager = Client(self.vault, self.tokens["manager"])
        for object_id, (collection, states) in self.objects.items():
            answer = manager.call("GET", f"/v1/{collection}/{object_id}")
            if answer.status != 200 or answer.json["state"] not in states:
                self.lost.append((collection, object_id, answer.status, answer.json and answer.json.get("state")))
        self.objects.clear()
        manager.close()
        self.check_leaves()

    def check_leaves(self):
        """Every answer that arrived has its leaf, of its kind and index."""
        auditor = Client(self.vault, self.tokens["auditor"], purpose=None)
        # Asking for it brings everything that was answered into the files.
        answer = auditor.call("GET", "/v1/audit/checkpoint")
        self.log_size = int(answer.body.decode().splitlines()[1])
        auditor.close()
        leaves = Leaves(os.path.join(self.vault.dir, "log"))
        for w in self.workers:
            for index, kinds in w.answers:
                found = leaves.head(index)
                if found is None or found[1] != index or found[0] not in kinds:
                    self.leafless.append((index, kinds, found))
            self.checked += len(w.answers)
            w.answers.clear()

    # ---- windows

    def burst(self):
        """Stops and kills soon after one another."""
        for n in range(2 if self.args.short else 6):
            self.work()
            time.sleep(self.rng.uniform(1, 3))
            self.restart(n % 2 == 0)

    def restart(self, kill):
        down = self.down(kill)
        self.start(down)
        self.check()

    def saturate(self):
        """Many small turns one after the other: buffers of what waits to be applied find their size before a window, not within it."""
        client, end = Client(self.vault, self.tokens["caseworker"]), time.monotonic() + SATURATE_S
        for _ in range(SATURATE):
            record = self.any_record(self.rng)
            if record is None or time.monotonic() > end or client.read(record, ["phone"]).status != 200:
                break
        client.close()

    def window(self, number, seconds):
        self.saturate()
        idle = self.at_rest()
        self.latencies.clear()
        self.watch.samples.clear()
        created, begin = self.created, time.monotonic()
        self.work()
        time.sleep(seconds)
        # A machine that is busy otherwise gets twice the time.
        while sum(len(v) for v in list(self.latencies.values())) < self.args.least and time.monotonic() - begin < 2 * seconds:
            time.sleep(0.1)
        took = time.monotonic() - begin
        latencies, samples = dict(self.latencies), list(self.watch.samples)
        self.latencies = collections.defaultdict(list)
        self.hold()
        after = self.settled(idle)
        done = sum(len(v) for v in latencies.values())
        self.requests += done
        self.windows.append({
            "seconds": round(took, 1), "requests": done, "created": self.created - created, "records": self.created, **self.memory(begin, took, samples),
            "latencies_us": {what: quantiles(values) for what, values in sorted(latencies.items())}, "idle_before": idle, "idle_after": after,
            "journal_bytes": self.disk("journal"), "store_bytes": self.disk("store"), "log_bytes": self.disk("log"), "faults": len(self.faults)})
        w = self.windows[-1]
        print(f"window {number}: {done:,} requests in {took:.0f} s, {self.created:,} records; core {w['core_bytes'] / KIB / KIB:.2f} MiB ({w['core_growth'] / KIB:+.0f} KiB), "
              f"fronts {w['fronts_bytes'] / KIB / KIB:.2f} MiB ({w['fronts_growth'] / KIB:+.0f} KiB); p50 / p99 µs: "
              + ", ".join(f"{what} {v['p50']:.0f} / {v['p99']:.0f}" for what, v in w["latencies_us"].items() if what in WATCHED), flush=True)
        self.work()

    def at_rest(self):
        """Counts once they stay the same for a while: connections just closed may take a moment."""
        before, since = self.counts(), time.monotonic()
        while time.monotonic() - since < 1:
            time.sleep(0.1)
            if (now := self.counts()) != before:
                before, since = now, time.monotonic()
        return before

    def settled(self, idle):
        """Counts after work, which have some seconds to become those of before."""
        try:
            return wait_until(lambda: self.counts() == idle and idle, "", 5)
        except TimeoutError:
            return self.counts()

    @staticmethod
    def memory(begin, seconds, samples):
        """Where memory stands at the end of a window and by how much it grew since it was warm, without 32 bytes for each new record."""
        warm = [s for s in samples if s[0] - begin > WARM * seconds]
        if len(warm) < 8:
            raise RuntimeError("too short a window to say anything about memory")
        quarter = len(warm) // 4
        first, last = warm[:quarter], warm[-quarter:]

        def middle(part, column):
            return statistics.median(s[column] for s in part)
        records = middle(last, 3) - middle(first, 3)
        return {"core_bytes": middle(last, 1), "fronts_bytes": middle(last, 2), "core_growth": middle(last, 1) - middle(first, 1) - RECORD_BYTES * records,
                "fronts_growth": middle(last, 2) - middle(first, 2), "core_peak": max(s[1] for s in samples), "core_begin": samples[0][1]}

    def disk(self, *parts):
        path = os.path.join(self.vault.dir, *parts)
        return sum(os.stat(os.path.join(folder, f)).st_blocks * 512 for folder, _, files in os.walk(path) for f in files)

    def run(self):
        self.vault.init()
        self.start("first start")
        self.watch = Watch(self)
        for thread in (self.watch, *self.workers):
            thread.start()
        number = WINDOWS[self.args.short]
        self.burst()
        for n in range(1, number + 1):
            self.window(n, self.args.minutes * 60 / number)
            self.restart(n % 2 == 1)
        self.check(everything=True)
        self.over = True
        for w in self.workers:
            w.join(30)
        self.vault.stop()
        self.final = run(program("childvault-audit"), "verify", os.path.join(self.vault.dir, "log"), check=False)


# Those whose latencies are judged; the others are too few, or are several things.
WATCHED = ("read, masked", "read, clear", "create", "patch", "history", "work list")


def quantiles(values):
    values = sorted(values)
    return {"n": len(values), **{name: round(values[min(len(values) - 1, int(share * len(values)))] * 1e6) for name, share in
                                 (("p50", 0.5), ("p99", 0.99), ("p999", 0.999))}}


class Leaves:
    """Leaves of a log by their index, from its files."""

    def __init__(self, folder):
        self.folder, self.bundles = folder, {}
        self.full, tail = 0, []
        while os.path.exists(self.path(self.full)):
            self.full += 1
        if os.path.exists(os.path.join(folder, "tail")):
            with open(os.path.join(folder, "tail"), "rb") as f:
                tail = split_leaves(f.read())
        self.tail = tail

    def path(self, n):
        return os.path.join(self.folder, "tile", "entries", tile_name(n))

    def head(self, index):
        n = index // 256
        if n >= self.full:
            at = index - self.full * 256
            return leaf_head(self.tail[at]) if at < len(self.tail) else None
        if n not in self.bundles:
            with open(self.path(n), "rb") as f:
                self.bundles[n] = [leaf_head(leaf) for leaf in split_leaves(f.read())]
        return self.bundles[n][index % 256]


# ---- verdicts -----------------------------------------------------------------------------------------------------------------

def verdicts(soak):
    """(fact, does it hold, detail)"""
    limits, windows = soak.limits, soak.windows
    facts = [("no answer was wrong", not soak.faults, soak.faults[:3]),
             ("every acknowledged change is there after each restart", not soak.lost, soak.lost[:3]),
             ("every answer has its leaf", not soak.leafless, soak.leafless[:3]),
             ("the log verifies whenever the daemon is down", not soak.unverified, soak.unverified[:1]),
             ("the log verifies at the end", soak.final.returncode == 0, soak.final.stdout + soak.final.stderr),
             (f"there was work: {limits.work} requests in each window", all(w["requests"] >= limits.work for w in windows), [w["requests"] for w in windows])]
    for part in ("core", "fronts"):
        within = [w[f"{part}_growth"] for w in windows]
        limit = getattr(limits, f"{part}_window")
        # One window may hold the moment at which a buffer found its size; a leak shows in all of them.
        facts.append((f"anonymous memory of {part} is flat within windows ({limit // KIB} KiB)", sorted(within)[len(within) // 2] <= limit and max(within) <= 4 * limit,
                      [f"{v / KIB:+.0f} KiB" for v in within]))
        half = len(windows) // 2
        first, last = (statistics.median(w[f"{part}_bytes"] - (RECORD_BYTES * w["records"] if part == "core" else 0) for w in ws)
                       for ws in (windows[:half], windows[-half:]))
        grown = last - first
        limit = getattr(limits, f"{part}_windows")
        facts.append((f"and from the earlier windows to the later ones ({limit // KIB} KiB)", grown <= limit, f"{grown / KIB:+.0f} KiB"))
    facts.append(("an idle daemon has as many descriptors and threads after a window as before", all(w["idle_before"] == w["idle_after"] for w in windows),
                  [(w["idle_before"], w["idle_after"]) for w in windows]))
    for quantile, limit in (("p50", limits.p50), ("p99", limits.p99)):
        if limit is None:
            continue
        slower = {}
        for what in WATCHED:
            values = [w["latencies_us"][what][quantile] for w in windows if what in w["latencies_us"]]
            if len(values) < len(windows) or values[-1] > limit * statistics.median(values[:-1]):
                slower[what] = values
        facts.append((f"{quantile} of the last window is at most {limit} times that of the earlier ones", not slower, slower))
    longest = max(s["seconds"] for s in soak.starts)
    facts.append((f"each start takes less than {limits.start_s} s", longest < limits.start_s, soak.starts))
    first, last = windows[0]["journal_bytes"], windows[-1]["journal_bytes"]
    facts.append(("the journal takes no more of the disk at the end than at the beginning", last <= first, (first, last)))
    return facts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=400, help="requests a second; 0: as fast as it goes")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    parser.add_argument("--out", default=os.path.join(ROOT, "results", "soak.json"))
    parser.add_argument("--short", action="store_true")
    args = parser.parse_args()
    if args.short:
        args.minutes, args.rate = 1.5, 0
    args.least = 10000 if args.short else 0
    sys.setswitchinterval(0.0005)
    # Collections take longer the more records are known, and every thread waits for them: that would be measured as the daemon's latency.
    gc.disable()
    print(f"(seed {args.seed})", flush=True)
    before, begin, soak, t = os.getloadavg(), time.monotonic(), Soak(args), Test()
    try:
        soak.run()
        facts = verdicts(soak)
        for fact, holds, detail in facts:
            t.ok(fact, holds, detail)
        print(f"({soak.requests:,} requests, {soak.created:,} records, {soak.checked:,} answers looked up in the log, {len(soak.starts)} starts, "
              f"the longest {max(s['seconds'] for s in soak.starts):.2f} s; {time.monotonic() - begin:.0f} s)")
        if not args.short:
            os.makedirs(os.path.dirname(args.out), exist_ok=True)
            with open(args.out, "w", encoding="utf-8") as f:
                json.dump({**machine(), "load_average_before": before, "minutes": args.minutes, "rate": args.rate, "seed": args.seed, "requests": soak.requests,
                           "records": soak.created, "answers_in_log": soak.checked, "leaves": soak.log_size, "starts": soak.starts,
                           "facts": [{"fact": fact, "holds": bool(holds), "detail": "" if holds else str(detail)[:500]} for fact, holds, detail in facts],
                           "windows": soak.windows}, f, indent=1)
    finally:
        soak.over = True
        soak.vault.remove()
    t.done()


if __name__ == "__main__":
    main()
