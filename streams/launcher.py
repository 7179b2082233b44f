"""Becomes a local part's process: ties its life to its parent's, gives up root where told, then runs the command.

Run as `python -I -S launcher.py PARENT_PID USER_ID COMMAND...`; USER_ID -1 keeps the user. A step of its own, because
code between fork and exec is not safe in a process with threads. Only the standard library is imported: it starts in
20 ms.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522
KEEP_USER = -1


class CapabilityHeader(ctypes.Structure):
    """`cap_user_header_t` of capset(2)."""

    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class CapabilitySets(ctypes.Structure):
    """`cap_user_data_t` of capset(2): one half, 32 capabilities."""

    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


def main(arguments: list[str]) -> None:
    """Runs the command in this process; returns only by an exception."""
    parent, user = int(arguments[0]), int(arguments[1])
    command = arguments[2:]
    if user != KEEP_USER:
        drop_root(user)
    # After the change of user, which clears it.
    if sys.platform == "linux":
        control_process(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the parent ended before the command could start")
    os.execv(command[0], command)


def drop_root(user: int) -> None:
    """Runs on as this user and group, keeping of root's rights only the one to read and write any file.

    Without that right the command could not reach a data directory or an installation below a private directory such
    as root's home, unless that were opened to everybody.
    """
    linux = sys.platform == "linux"
    if linux:
        control_process(PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    if linux:
        keep_file_access()


def keep_file_access() -> None:
    """Keeps CAP_DAC_OVERRIDE over the coming exec, and drops every other capability."""
    kept = 1 << CAP_DAC_OVERRIDE
    header = CapabilityHeader(CAPABILITY_VERSION_3, 0)
    sets = (CapabilitySets * 2)(CapabilitySets(kept, kept, kept), CapabilitySets(0, 0, 0))
    if ctypes.CDLL(None, use_errno=True).capset(ctypes.byref(header), sets) != 0:
        raise OSError(ctypes.get_errno(), "capset: the right to reach any file could not be kept")
    control_process(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE)


def control_process(option: int, *arguments: int) -> None:
    """prctl(2), with its unused arguments zero."""
    words = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]]
    if ctypes.CDLL(None, use_errno=True).prctl(option, *words) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}): {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    main(sys.argv[1:])
