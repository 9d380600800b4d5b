#!/usr/bin/python3
"""make bench-scale: how cost grows with records, connections and fields, warm and cold apart, and what memory it takes; results/bench-scale.json.

Vaults of 10,000, 100,000 and 1,000,000 synthetic files stand side by side, each with a daemon of its own, and are measured in interleaved rounds:

- warm: 10,000 of the files, chosen over all of the vault, were read before. Besides, files of which only the pages of the store are in the page cache.
- cold: the pages of the store were taken out of the daemon (process_madvise) and of the page cache (posix_fadvise) right before; each file is read once.
- start: from the start of the daemon until health answers 200, and until the first session has read its first file.
- memory: RssAnon of core when its work list is filled, and of core and fronts with a thousand connections that have been used.

    bench_scale.py [--rounds 5] [--seconds 1] [--records 10000,100000,1000000] [--keep FOLDER] [--run N | --out FILE] [--quick]

--keep leaves the vaults in a folder, and takes those that stand there: filling a million takes some minutes.
"""
import argparse
import atexit
import ctypes
import json
import os
import random
import resource
import shutil
import statistics
import tempfile
import threading
import time

from bench import READ_HEADERS, WARMUP, Bench, result_path, synthetic
from bench_keys import fill, stored
from machine import machine, undisturbed
from vaulttest import Client, UnixConnection, Vault, run, wait_until

CONNECTIONS = (1, 2, 4, 8, 16, 32, 64)
FIELDS = (1, 3, 9, 25)
WARM = 10000		# files that are read again and again
SPREAD = 200000		# files that are read over all of a vault, each once or hardly more
IDLE = 1000		# connections
MADV_PAGEOUT, PROCESS_MADVISE, CHUNK = 21, 440, 1 << 30
# (row, floor, goal, is more better)
TABLE = [
    ("read latency, warm, 1 connection: {large} files against {small}", 1.3, 1.1),
    ("read latency, warm, 8 connections: {large} files against {small}", 1.3, 1.1),
    ("first answer after a start, s: {small} files", 1, 0.25),
    ("first answer after a start, s: {large} files", 1, 0.25),
    ("first answer after a start, s: {large} files, cold", 1, 0.25),
    ("core's anonymous memory, MiB: {small} files", None, None),
    ("core's anonymous memory, MiB: {large} files", None, None),
    ("core's anonymous memory, MiB: {small} files, after changes on 64 connections", None, None),
    ("anonymous memory of a connection, KiB, of core and fronts", 64, 32),
]


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("n", ctypes.c_size_t)]


class Side(Bench):
    """A vault of so many files, without bare servers."""

    def __init__(self, args, folder, records):
        self.args, self.folder, self.records = args, os.path.join(folder, str(records)), records
        self.vault = Vault(folder=self.folder)
        if args.keep:
            # Else this process would take it away at its end.
            atexit.unregister(self.vault.remove)
        if not os.path.exists(self.path("ids")):
            undisturbed(self.make)
        with open(self.path("ids"), encoding="ascii") as f:
            self.ids = f.read().split()
        self.names = list(json.loads(synthetic(1, 7)[0]))
        rng = random.Random(1)
        chosen, spread = (rng.sample(self.ids, min(n, len(self.ids))) for n in (WARM, SPREAD))
        for name, ids, fields in [("read25", chosen, 25), ("spread", spread, 25)] + [(f"fields{n}", chosen, n) for n in FIELDS]:
            self.write(name, [f"GET /v1/records/{i}?fields={','.join(self.names[:fields])}&view=clear" for i in ids])

    def make(self):
        self.down()
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        begin = time.monotonic()
        self.vault.init()
        self.vault.start()
        fill(self.vault, self.vault.key("caseworker"), self.records, 7)
        self.vault.stop()
        self.write("ids", [key.hex() for key, _ in stored(self.vault, "map")])
        print(f"{self.records:,} files after {time.monotonic() - begin:.0f} s", flush=True)

    def down(self):
        if self.vault.process is not None:
            self.vault.kill9()

    def start(self):
        """Start it; seconds until health answers, until the first file is read, until the work list is there."""
        begin = time.monotonic()
        self.vault.start()
        ready = time.monotonic() - begin
        self.token = self.vault.login("caseworker")
        client = Client(self.vault, self.token)
        answer = client.read(self.ids[len(self.ids) // 2], self.names, clear=True)
        first = time.monotonic() - begin
        if answer.status != 200:
            raise RuntimeError(str(answer))
        wait_until(lambda: client.call("GET", "/v1/records?limit=1", headers={"CV-Purpose": "visit"}).status == 200, "the work list is not filled", 300)
        client.close()
        return {"ready_s": round(ready, 3), "first_read_s": round(first, 3), "work_list_s": round(time.monotonic() - begin, 3)}

    def whole_start(self, cold):
        """Start from cold or warm files, and stop again."""
        self.down()
        resident = self.cool() if cold else self.warm()
        found = {"resident": resident, **self.start(), "core_kib": anonymous(self.core())}
        self.vault.stop()
        return found

    def first_reads(self, cold):
        """Reads on one connection, one after the other, of files all over the vault. So short that hardly any is read twice."""
        resident = self.cool() if cold else self.warm()
        return {"resident": resident, **self.reads("spread", 1, 0.4, 0)}

    def core(self):
        return max(self.vault.pids(), key=anonymous)

    # ---- page cache

    def files(self):
        return [os.path.join(folder, f) for folder, _, files in os.walk(self.vault.dir) for f in files if not f.endswith(".sock")]

    def warm(self):
        """Every page of the store into the page cache: this system may have taken away what lay idle."""
        with open(os.path.join(self.vault.dir, "store", "data.mdb"), "rb", buffering=0) as f:
            while f.read(1 << 24):
                pass
        return self.resident()

    def cool(self):
        """The store's pages out of the daemon's memory and of the page cache; the share of them that stayed."""
        os.sync()
        if self.vault.process is not None:
            page_out(self.core(), "data.mdb")
        for path in self.files():
            fd = os.open(path, os.O_RDONLY)
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(fd)
        return self.resident()

    def resident(self):
        """The share of the store's pages that the page cache has."""
        path = os.path.join(self.vault.dir, "store", "data.mdb")
        return round(int(run("fincore", "-b", "-n", "-o", "RES", path).stdout) / (os.stat(path).st_blocks * 512), 4)

    # ---- loads

    def reads(self, name, connections, seconds=None, warmup=None):
        args, self.args = self.args, argparse.Namespace(**vars(self.args))
        self.args.seconds = seconds or args.seconds
        try:
            result = self.daemon(connections, name, self.token, READ_HEADERS, warmup=WARMUP if warmup is None else warmup)
        finally:
            self.args = args
        if result["not_2xx"]:
            raise RuntimeError(f"reads were refused: {result}")
        return result


def page_out(pid, name):
    """Tell the kernel to take a process's pages of a file away; needs root. They stay in the page cache if others have them."""
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(pid)
    try:
        with open(f"/proc/{pid}/maps", encoding="ascii") as f:
            for line in f:
                if not line.rstrip("\n").endswith("/" + name):
                    continue
                begin, end = (int(x, 16) for x in line.split()[0].split("-"))
                for at in range(begin, end, CHUNK):
                    piece = Iovec(at, min(CHUNK, end - at))
                    if libc.syscall(PROCESS_MADVISE, pidfd, ctypes.byref(piece), 1, MADV_PAGEOUT, 0) < 0:
                        raise OSError(ctypes.get_errno(), "process_madvise")
    finally:
        os.close(pidfd)


def anonymous(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("RssAnon"))


def shuffled(items, seed):
    items = list(items)
    random.Random(seed).shuffle(items)
    return items


class Scale:
    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        self.sides = [Side(args, folder, n) for n in args.records]
        self.small, self.large = self.sides[0], self.sides[-1]
        self.found = {"starts": [], "cold": [], "growth": [], "connections": [], "fields": []}

    def starts(self):
        for number in range(self.args.rounds):
            for side, cold in shuffled([(s, c) for s in self.sides for c in (False, True)], number):
                self.found["starts"].append({"round": number, "records": side.records, "cold": cold, **undisturbed(side.whole_start, cold)})
        self.tell("starts")

    def cold(self):
        """The daemons run, their work lists are filled."""
        for number in range(self.args.rounds):
            for side in shuffled(self.sides, number):
                for cold in (True, False):
                    self.found["cold"].append({"round": number, "records": side.records, "cold": cold, **undisturbed(side.first_reads, cold)})
        self.tell("cold and warm pages")

    def growth(self):
        for side in self.sides:
            side.warm()
            side.reads("read25", 8, 3)
        for number in range(self.args.rounds):
            for side, name, connections in shuffled([(s, n, c) for s in self.sides for n, c in (("read25", 1), ("read25", 8), ("spread", 8))], number):
                self.found["growth"].append({"round": number, "records": side.records, "files": name, **undisturbed(side.reads, name, connections, 2 * self.args.seconds)})
        self.tell("reads by files")

    def connections(self):
        """The smallest vault alone, beside A and W."""
        side = self.small
        side.intake = side.vault.login("intake")
        side.write_inputs(side.ids)
        side.bare(self.args.records[0])
        for number in range(self.args.rounds):
            for connections in shuffled(CONNECTIONS, number):
                for what in shuffled(("A", "W", "read25", "patch"), number):
                    run("sync", "-f", side.folder)
                    self.found["connections"].append({"round": number, "what": what, **undisturbed(side.measure, f"{what}/{connections}")})
        self.tell("connections")
        for number in range(self.args.rounds):
            for fields in shuffled(FIELDS, number):
                self.found["fields"].append({"round": number, "fields": fields, **undisturbed(side.reads, f"fields{fields}", 8)})
        self.tell("fields")

    def memory(self):
        """A thousand connections: opened; one whole read on each; all at work at once."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, IDLE + 200)), hard))
        side, pids = self.small, self.small.vault.pids()
        core = side.core()
        # Buffers that grow with the work at hand have found their size before.
        side.reads("read25", 64, 1)

        def now():
            return {"core": anonymous(core), "fronts": sum(anonymous(p) for p in pids if p != core)}
        before = now()
        connections = [UnixConnection(side.vault.socket) for _ in range(IDLE)]
        for c in connections:
            c.connect()
        time.sleep(0.5)
        opened = now()
        headers = {"Authorization": f"Bearer {side.token}", "CV-Purpose": "intake", "CV-Reason": "home%20visit"}
        for n, c in enumerate(connections):
            c.request("GET", f"/v1/records/{side.ids[n % len(side.ids)]}?fields={','.join(side.names)}&view=clear", headers=headers)
            answer = c.getresponse()
            if answer.status != 200 or len(answer.read()) < 500:
                raise RuntimeError(f"connection {n}: {answer.status}")
        used = now()
        for c in connections:
            c.close()
        peak, over = dict(before), threading.Event()

        def watch():
            while not over.wait(0.05):
                for k, v in now().items():
                    peak[k] = max(peak[k], v)
        thread = threading.Thread(target=watch)
        thread.start()
        busy = side.reads("read25", IDLE, 2)
        over.set()
        thread.join()
        self.found["memory"] = {"connections": IDLE, "before_kib": before, "opened_kib": opened, "used_kib": used, "busy_peak_kib": peak, "busy": busy}
        self.tell("memory")

    def tell(self, what):
        print(f"{what}: measured; load average {os.getloadavg()[0]:.1f}", flush=True)

    def run(self):
        self.starts()
        for side in self.sides:
            side.start()
        self.cold()
        self.growth()
        for side in self.sides[1:]:
            side.vault.stop()
        self.connections()
        self.memory()

    def close(self):
        for side in self.sides:
            side.close()
            if side.vault.process is not None:
                side.vault.stop()


# ---- rows -----------------------------------------------------------------------------------------------------------------------

def rows(found, records):
    """(row, value, values by round, floor, goal), less is better throughout."""
    small, large = records[0], records[-1]

    def growth(connections):
        def of(n):
            return [r["p50_us"] for r in found["growth"] if r["records"] == n and r["files"] == "read25" and r["connections"] == connections]
        return [a / b for a, b in zip(of(large), of(small))]

    def starts(n, cold):
        return [r["ready_s"] for r in found["starts"] if r["records"] == n and r["cold"] == cold]

    def core(n):
        return [r["core_kib"] / 1024 for r in found["starts"] if r["records"] == n]
    memory = found["memory"]
    # What core gave back meanwhile does not make connections cheaper.
    each = sum(max(0, max(memory[k][part] for k in ("opened_kib", "used_kib")) - memory["before_kib"][part]) for part in ("core", "fronts"))
    values = [growth(1), growth(8), starts(small, False), starts(large, False), starts(large, True), core(small), core(large), [memory["busy_peak_kib"]["core"] / 1024],
              [each / memory["connections"]]]
    table = []
    for (title, floor, goal), by_round in zip(TABLE, values):
        if floor is None:
            n = large if "{large}" in title else small
            floor, goal = 128 + 32 * n / (1 << 20), 48 + 32 * n / (1 << 20)
        value = statistics.median(by_round)
        table.append({"row": title.format(small=f"{small:,}", large=f"{large:,}"), "value": round(value, 3), "values": [round(v, 3) for v in by_round],
                      "floor": round(floor, 1), "goal": round(goal, 2),
                      "verdict": "goal met" if value <= goal else "floor met" if value <= floor else "ABOVE FLOOR"})
    return table


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--records", type=lambda t: [int(n) for n in t.split(",")], default=[10000, 100000, 1000000])
    parser.add_argument("--keep", help="folder of vaults that stay")
    parser.add_argument("--run", type=int, help="number of one of several runs")
    parser.add_argument("--out")
    parser.add_argument("--quick", action="store_true", help="one short round with few files, to see that it works")
    args = parser.parse_args()
    if args.quick:
        args.rounds, args.seconds, args.records = 1, 0.3, [2000, 4000]
    folder = args.keep or tempfile.mkdtemp(prefix="cvc.", dir="/var/tmp")
    os.makedirs(folder, exist_ok=True)
    before, scale = os.getloadavg(), None
    try:
        scale = Scale(args, folder)
        scale.run()
        table = rows(scale.found, args.records)
        for row in table:
            print(f"{row['row']:70}{row['value']:9.3f}{row['floor']:8.1f}{row['goal']:8.2f}  {row['verdict']}")
        out = result_path("bench-scale", args)
        with open(out, "w", encoding="utf-8") as f:
            json.dump({**machine(), "load_average_before": before, "rounds": args.rounds, "seconds": args.seconds, "records": args.records, "rows": table,
                       **scale.found}, f, indent=1)
        print(f"load average {os.getloadavg()[0]:.1f}; every figure stands in {os.path.relpath(out)}")
    finally:
        if scale is not None:
            scale.close()
        if not args.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
