"""The machine's boot id: of an attempt from another boot only its record can tell what became of it."""

import subprocess
import sys


def boot_id() -> str:
    """An id that changes with every start of the machine."""
    if sys.platform == "darwin":
        command = ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()
