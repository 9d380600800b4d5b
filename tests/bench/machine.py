"""What a figure depends on, beside the program: the machine, and whether it ran all the time."""
import os
import platform
import subprocess
import threading
import time

GAP_S = 0.7	# nothing that waits for a twentieth of a second wakes so much later
AGAIN = 5


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        processor = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), platform.machine())
    return {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "kernel": platform.release(), "processor": processor,
            "cores": os.cpu_count(), "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20, "load_average": os.getloadavg()}


class Standstills(threading.Thread):
    """Moments at which the whole machine stood still, as a virtual one does when it is stopped or moved."""

    def __init__(self):
        super().__init__(daemon=True)
        self.ends = []
        self.start()

    def run(self):
        last = time.monotonic()
        while True:
            time.sleep(0.05)
            now = time.monotonic()
            if now - last > GAP_S:
                self.ends.append(now)
            last = now

    def since(self, moment):
        """Did it stand still after a moment? Waits until a standstill that just ended is known."""
        time.sleep(0.15)
        return any(end > moment for end in self.ends)


STANDSTILLS = Standstills()


def undisturbed(measure, *args):
    """What measure(*args) returns; it is called again if the machine stood still meanwhile."""
    for attempt in range(AGAIN):
        begin = time.monotonic()
        try:
            result = measure(*args)
        except (RuntimeError, OSError, subprocess.TimeoutExpired):
            if not STANDSTILLS.since(begin):
                raise
            continue
        if not STANDSTILLS.since(begin) or attempt == AGAIN - 1:
            return result
        print("the machine stood still; once more", flush=True)
    raise RuntimeError("the machine stands still again and again")
