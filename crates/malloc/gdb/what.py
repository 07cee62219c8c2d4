"""The command `what ADDRESS` of gdb: what an address is to stratalloc.

    (gdb) source crates/malloc/gdb/what.py
    (gdb) what node->next
    0x1b0c00413f8: 8 bytes into a live block of 208 at 0x1b0c00413f0, of this thread's heap: area ...

In a live process it calls `stratalloc_describe`, which waits for nothing, while the other threads stand still. "This
thread" is the one that gdb has selected.

In a core dump it reads the books itself, by what `stratalloc_layout` says of where they lie. Nothing tells there whether
one of them was being changed just then, or whose thread a heap is.
"""

import contextlib
import struct

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


def described_by_call(address):
    """The line about an address, of a live process."""
    function = "((unsigned long (*)(unsigned long, unsigned long, unsigned long)) stratalloc_describe)"
    with setting("language", "c"), setting("scheduler-locking", "on"), buffer() as start:
        length = int(gdb.parse_and_eval(f"{function}({address}, {start}, {LINE})"))
        memory = gdb.selected_inferior().read_memory(start, min(length, LINE - 1))
        return bytes(memory).decode()


def number(address, size=8):
    """The unsigned number of so many bytes at an address."""
    memory = gdb.selected_inferior().read_memory(address, size)
    return int.from_bytes(bytes(memory), "little")


# The words of `stratalloc_layout`, in the order of its version.
VERSION = 3
WORDS = (
    "version windows window_count area_shift partition_shift segment_shift group arenas segments lines line_size "
    "arena_used arena_purpose arena_span whole segment_carved segment_pages segment_bitmap segment_bin "
    "shapes bins shape_size shape_block_size heap_tag cache_tops cache_limits cache_sizes samples"
).split()

# A book of an arena, or of a segment.
BOOK = 64
PARTITIONS = 8
# Segments of an arena, and arenas of a partition.
PARTS = 64
PAGE = 4096

# The kinds of windows: the low bits of their words.
KINDS = 7
OF_THREAD, HUGE, TAIL, OF_VALUE = 2, 4, 5, 6


class Books:
    """The books of all heaps, read out of memory."""

    def __init__(self):
        with setting("language", "c"):
            start = int(gdb.parse_and_eval("(unsigned long) &stratalloc_layout"))
        memory = gdb.selected_inferior().read_memory(start, 8 * len(WORDS))
        for name, word in zip(WORDS, struct.unpack(f"<{len(WORDS)}Q", bytes(memory))):
            setattr(self, name, word)
        if self.version != VERSION:
            raise gdb.GdbError(f"`what` reads books of version {VERSION}, and these are of {self.version}")

    def describe(self, address):
        """The line about an address."""
        window = address >> self.area_shift
        word = number(self.windows + 8 * window) if window < self.window_count else 0
        kind, content = word & KINDS, word & ~KINDS
        if kind in (OF_THREAD, OF_VALUE):
            return f"{address:#x}: {self.in_area(address)}, of {self.whose(kind, content)}: {self.place(address)}"
        if kind in (HUGE, TAIL):
            return f"{address:#x}: {self.huge(address, window)}"
        return f"{address:#x}: not of this allocator"

    def whose(self, kind, heap):
        if kind == OF_THREAD:
            return "a thread's heap"
        if number(heap + self.heap_tag) != 0:
            return "the heap of a tag"
        return "the heap of samples" if heap == number(self.samples) else "an arena heap"

    def segment_of(self, address):
        """The partition, arena and segment of an address; nothing among the books."""
        offset = address & ((1 << self.area_shift) - 1)
        partition = offset.bit_length() - 1 - self.partition_shift
        if partition < 0:
            return None
        segments = offset >> (self.segment_shift + partition)
        return partition, segments // PARTS % PARTS, segments % PARTS

    def place(self, address):
        area = address >> self.area_shift << self.area_shift
        found = self.segment_of(address)
        if found is None:
            return f"area {area:#x}"
        return f"area {area:#x}, partition {found[0]}, arena {found[1]}, segment {found[2]}"

    def in_area(self, address):
        """What an address in an area is."""
        found = self.segment_of(address)
        if found is None:
            return "the allocator's books"
        area = address >> self.area_shift << self.area_shift
        if not self.is_used(area, *found):
            return "memory that no block has"
        bin = number(self.segment_book(area, *found) + self.segment_bin, 1)
        if bin == 0:
            return self.large(area, address, *found)
        return self.small(area, address, bin, *found)

    def arena_book(self, area, partition, arena):
        return area + self.arenas + (arena * PARTITIONS + partition) * BOOK

    def is_used(self, area, partition, arena, segment):
        used = number(self.arena_book(area, partition, arena) + self.arena_used)
        return used >> segment & 1 == 1

    def segment_book(self, area, partition, arena, segment):
        """A few segments of each partition's first arena are neighbours, then the next few, then those of the second."""
        first = (arena * 11 + partition * 23 + 5) % PARTS
        turn = (segment - first) % PARTS
        row = arena * (PARTS // self.group) + turn // self.group
        index = (row * PARTITIONS + partition) * self.group + turn % self.group
        return area + self.segments + index * BOOK

    def start_of(self, area, partition, arena, segment):
        """The first byte of a segment."""
        segments = (1 << (self.partition_shift - self.segment_shift)) + arena * PARTS + segment
        return area + (segments << (self.segment_shift + partition))

    def small(self, area, address, bin, *place):
        shape = self.shapes + bin * self.shape_size
        size = number(shape + self.shape_block_size, 4)
        book, base = self.segment_book(area, *place), self.start_of(area, *place)
        block = (address - base) // size
        if block >= (1 << (self.segment_shift + place[0])) // size:
            return "memory that no block has"
        lines = area + self.lines + (number(book + self.segment_bitmap, 4) - 1) * self.line_size
        start = base + block * size
        if block >= number(book + self.segment_carved, 4):
            state = "a never used"
        elif number(lines + block // 64 * 8) >> (block % 64) & 1:
            state = "a free"
        else:
            state = "a free (at hand)" if self.is_at_hand(start, bin) else "a live"
        return self.block(address, start, size, f"{state} block")

    def is_at_hand(self, block, bin):
        """Whether the thread that is at home in the block's heap has it in a stack for the next allocation."""
        heap = number(self.windows + 8 * (block >> self.area_shift)) & ~KINDS
        cache = heap >> self.area_shift << self.area_shift
        top, limit = number(cache + self.cache_tops + 8 * bin), number(cache + self.cache_limits + 8 * bin)
        bottom = limit - 8 * number(cache + self.cache_sizes + bin, 1)
        if limit == 0 or not bottom < top <= limit:
            return False
        memory = bytes(gdb.selected_inferior().read_memory(bottom + 8, top - bottom))
        return block in struct.unpack(f"<{len(memory) // 8}Q", memory)

    def large(self, area, address, partition, arena, segment):
        def book_of(arena):
            return self.arena_book(area, partition, arena)

        is_whole = number(book_of(arena) + self.arena_purpose, 1) == self.whole
        # The arenas after the first that a block has for itself count none.
        first = arena
        while is_whole and first > 0 and number(book_of(first) + self.arena_span, 1) == 0:
            first -= 1
        last = segment if first == arena else PARTS - 1
        for at in range(last, -1, -1):
            if not self.is_used(area, partition, first, at):
                continue
            pages = number(self.segment_book(area, partition, first, at) + self.segment_pages, 4)
            if pages == 0:
                continue
            start, size = self.start_of(area, partition, first, at), pages * PAGE
            if address - start < size:
                kind = "large block with arenas of its own" if is_whole else "large block"
                return self.block(address, start, size, f"a live {kind}")
            break
        return "memory that no block has"

    def huge(self, address, window):
        while number(self.windows + 8 * window) == TAIL:
            window -= 1
        word, start = number(self.windows + 8 * window), window << self.area_shift
        if word & KINDS != HUGE or address - start >= word & ~KINDS:
            return "not of this allocator"
        return self.block(address, start, word & ~KINDS, "a live huge block")

    def block(self, address, start, size, what):
        if address == start:
            return f"{what} of {size}"
        return f"{address - start} bytes into {what} of {size} at {start:#x}"


def is_core():
    """Whether what gdb looks at is a core dump, whose functions can't be called."""
    connection = gdb.selected_inferior().connection
    return connection is not None and connection.type == "core"


def described(address):
    """The line about an address."""
    return Books().describe(address) if is_core() else described_by_call(address)


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
            print(described(address))
        except gdb.error as error:
            raise gdb.GdbError(f"{error}: is libstratalloc in the process?") from None


What()
