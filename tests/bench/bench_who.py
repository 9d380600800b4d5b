#!/usr/bin/python3
"""make bench-who: who looked at one child, and what one person did, over a log that is made for it; results/bench-who.json.

    bench_who.py [--leaves 1000000] [--folder DIR] [--out FILE]
"""
import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time

from machine import machine

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "integration"))
from vaulttest import BUILD, run  # noqa: E402

ROUNDS = 3


def timed(found, *args):
    """Median of the seconds that childvault-audit who takes; it has to print as many lines as there are leaves to be found."""
    seconds = []
    for _ in range(ROUNDS):
        begin = time.monotonic()
        lines = run(os.path.join(BUILD, "childvault-audit"), "who", *args).stdout.count("\n")
        seconds.append(time.monotonic() - begin)
        if lines != found:
            raise RuntimeError(f"of {found} leaves {lines} were found")
    return round(statistics.median(seconds), 3)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leaves", type=int, default=1000000)
    parser.add_argument("--folder", help="where the log is made, some 500 bytes a leaf; it is removed")
    parser.add_argument("--out", default=os.path.join(ROOT, "results", "bench-who.json"))
    args = parser.parse_args()
    parent = tempfile.mkdtemp(prefix="cv-who-", dir=args.folder)
    folder = os.path.join(parent, "w")
    try:
        made = json.loads(run(os.path.join(BUILD, "bench", "bench_who"), folder, args.leaves).stdout)
        ask = [os.path.join(folder, "log"), "--key", os.path.join(folder, "auditor.key")]
        child, person = ["--record", "55" * 16, "--keys", os.path.join(folder, "receipt")], ["--staff", "77" * 16]
        result = {**machine(), **made, "offline_child_s": timed(made["found"], *ask, *child, "--unverified"),
                  "offline_person_s": timed(made["found"], *ask, *person, "--unverified"), "verified_person_s": timed(made["found"], *ask, *person)}
    finally:
        shutil.rmtree(parent)
    os.makedirs(os.path.dirname(os.path.abspath(args.out)), exist_ok=True)
    with open(args.out, "w", encoding="utf-8") as f:
        json.dump(result, f, indent=1)
        f.write("\n")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
