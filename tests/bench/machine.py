"""What a figure depends on, beside the program."""
import os
import platform
import time


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        processor = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), platform.machine())
    return {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "kernel": platform.release(), "processor": processor,
            "cores": os.cpu_count(), "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20, "load_average": os.getloadavg()}
