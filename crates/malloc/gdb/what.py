"""The command `what ADDRESS` of gdb: what an address is to stratalloc.

    (gdb) source crates/malloc/gdb/what.py
    (gdb) what node->next
    0x1b0c00413f8: 8 bytes into a live block of 208 at 0x1b0c00413f0, of this thread's heap: area ...

It calls `stratalloc_describe` in the process, which waits for nothing, while the other threads stand still. So the
process must be alive: a core dump won't do. "This thread" is the one that gdb has selected.
"""

import contextlib

import gdb

# Bytes of a line, and those below the stack pointer that a function may use without moving it.
LINE = 512
RED_ZONE = 256


@contextlib.contextmanager
def setting(name, value):
    """Has another value of one of gdb's settings for a while."""
    before = gdb.parameter(name)
    gdb.execute(f"set {name} {value}", to_string=True)
    try:
        yield
    finally:
        gdb.execute(f"set {name} {before}", to_string=True)


@contextlib.contextmanager
def buffer():
    """Room for a line, on the stack of the selected thread: its address."""
    frame = gdb.selected_frame()
    gdb.newest_frame().select()
    top = int(gdb.parse_and_eval("(unsigned long) $sp"))
    start = (top - RED_ZONE - LINE) & ~15
    gdb.execute(f"set var $sp = {start}", to_string=True)
    try:
        yield start
    finally:
        gdb.execute(f"set var $sp = {top}", to_string=True)
        frame.select()


def describe(address):
    """The line about an address."""
    function = "((unsigned long (*)(unsigned long, unsigned long, unsigned long)) stratalloc_describe)"
    with setting("language", "c"), setting("scheduler-locking", "on"), buffer() as start:
        length = int(gdb.parse_and_eval(f"{function}({address}, {start}, {LINE})"))
        memory = gdb.selected_inferior().read_memory(start, min(length, LINE - 1))
        return bytes(memory).decode()


class What(gdb.Command):
    """what ADDRESS
Says what an address is to stratalloc: whose heap, where in it, and which block, live or free."""

    def __init__(self):
        super().__init__("what", gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        if not argument:
            raise gdb.GdbError("what ADDRESS: an expression is missing")
        value = gdb.parse_and_eval(argument)
        if value.type.strip_typedefs().code == gdb.TYPE_CODE_ARRAY:
            value = value.address
        address = int(value) & (2**64 - 1)
        try:
            print(describe(address))
        except gdb.error as error:
            raise gdb.GdbError(f"{error}: `what` calls libstratalloc in a live process") from None


What()
