#!/usr/bin/python3
"""What a vault's records cost at rest: bytes of the rows of rec and hist by kind, of all and of one record on average.

    row_sizes.py DIR [--classes]

needs no key; the daemon must have been stopped cleanly. "in pages" is what LMDB's pages of the table hold, their free room included. With --classes also each
class by itself. Needs Debian's python3-lmdb.
"""
import collections
import os
import sys

import lmdb

KINDS = ("head", "keys row", "class row", "drop")


def kinds(table, rows):
    """{(kind, class or None): [rows, bytes of values, bytes of keys]}"""
    found = collections.defaultdict(lambda: [0, 0, 0])
    for key, value in rows:
        if table == "rec":
            kind, number = KINDS[key[6]], int.from_bytes(key[7:9], "big")
        else:
            kind, number = "change", None
        for place in {(kind, None), (kind, number)}:
            found[place] = [a + b for a, b in zip(found[place], (1, len(value), len(key)))]
    return found


def show(folder, classes):
    env = lmdb.open(os.path.join(folder, "store"), max_dbs=8, readonly=True, lock=False, create=False)
    with env.begin() as txn:
        records = txn.stat(env.open_db(b"map", txn=txn, create=False))["entries"]
        print(f"{records} records, data.mdb {os.path.getsize(os.path.join(folder, 'store', 'data.mdb'))} bytes")
        for table in ("rec", "hist"):
            db = env.open_db(table.encode(), txn=txn, create=False)
            stat = txn.stat(db)
            pages = sum(stat[k] for k in ("leaf_pages", "branch_pages", "overflow_pages")) * stat["psize"]
            print(f"{table}: {stat['entries']} rows, {pages} bytes in pages, {pages / max(records, 1):.0f} a record")
            for (kind, number), (n, values, keys) in sorted(kinds(table, txn.cursor(db)).items(), key=lambda x: (x[0][0], x[0][1] or 0)):
                if number is None or (classes and number):
                    print(f"  {kind + ('' if number is None else f' {number:#x}'):<20} {n:>8} rows {values / n:>8.0f} bytes each {values / records:>8.0f} a record, "
                          f"keys {keys / records:.0f}")
    env.close()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    show(sys.argv[1], "--classes" in sys.argv[2:])
