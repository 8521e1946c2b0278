"""What one pickle would import, found by reading its opcodes without doing what they say.

A stack of stand-ins is kept, as far as names go: modules and names may be put together from the memo
and the stack. Large contents are passed over, not held.
"""

import pickletools
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol, cast

UNKNOWN: Final = "something it does not name"
"""Stands among the imports for one whose name is computed while the pickle is loaded."""

_LONGEST_TEXT = 4_096
_LONGEST_LINE = 1_000_000
_MOST_ITEMS = 64
_DEEPEST = 8


class Source(Protocol):
    """Bytes of a pickle."""

    def read(self, size: int) -> bytes:
        """Up to `size` bytes; fewer at the end."""
        ...

    def line(self, most: int) -> bytes:
        """Up to the next newline, and that; at most `most` bytes."""
        ...

    def skip(self, size: int) -> None:
        """Pass over bytes."""
        ...


class MalformedPickleError(Exception):
    """It is no pickle, or not one that can be followed."""


class OverLimitError(MalformedPickleError):
    """There is more of it than is read."""


@dataclass
class Budget:
    """How much is read of a file, over all pickles in it."""

    opcodes: int
    bytes: int


@dataclass
class Reading:
    """What was found so far."""

    imports: dict[str, None] = field(default_factory=dict[str, None])
    """Dotted names, in the order found."""
    opcodes: int = 0
    is_torch_legacy: bool = False

    def called(self, name: str, arguments: Any) -> None:
        """Told of each call, for those who look at more than names.

        Args:
            name: What is called; `UNKNOWN` where that is not known.
            arguments: As far as they are followed.
        """


def read_pickle(source: Source, reading: Reading, budget: Budget, depth: int = 0) -> None:
    """Follow one pickle up to its end; what it would import is added to `reading`.

    Raises:
        MalformedPickleError: It ends early, or holds what no pickle holds.
        OverLimitError: It is longer than the budget.
    """
    if depth > _DEEPEST:
        raise OverLimitError("nested too deeply")
    _Follower(source, reading, budget, depth).follow()


class _Mark:
    """On the stack: where a list, dict or tuple begins."""


class _Entries:
    """A dict, as far as its keys are text."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}


class _Named(NamedTuple):
    """What an import or a call gave."""

    name: str
    arguments: Any = None


_MARK = _Mark()
_OTHER = object()
"""Any value that plays no part in names."""


class _Effect(NamedTuple):
    pops: int
    """Values below the mark, or all of them where no mark is taken."""
    to_mark: bool
    pushes: tuple[object, ...]


def _effect(opcode: Any) -> _Effect:
    before: list[Any] = list(opcode.stack_before)
    mark: Any = pickletools.markobject
    pushes = tuple(_MARK if each is mark else _OTHER for each in opcode.stack_after)
    if mark in before:
        return _Effect(before.index(mark), True, pushes)
    return _Effect(len(before), False, pushes)


class _Opcode(NamedTuple):
    name: str
    length: int
    """Bytes of the argument; or one of pickletools' negative kinds."""
    effect: _Effect


def _table() -> dict[int, _Opcode]:
    every: list[Any] = list(pickletools.opcodes)
    return {
        ord(each.code): _Opcode(each.name, 0 if each.arg is None else each.arg.n, _effect(each))
        for each in every
    }


_TABLE: Final = _table()
_LINE = -1
_TEXTS = frozenset(
    ["STRING", "UNICODE", "BINSTRING", "SHORT_BINSTRING", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"]
)
_INTEGERS = frozenset(["INT", "LONG", "BININT", "BININT1", "BININT2", "LONG1"])
_LENGTHS = {-2: 1, -3: 4, -4: 4, -5: 8}
"""pickletools' kinds of arguments that begin with their length: in how many bytes."""
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_TORCH_MAGIC = 0x1950A86A20F9469CFC6C


class _Follower:
    def __init__(self, source: Source, reading: Reading, budget: Budget, depth: int) -> None:
        self.source, self.reading, self.budget, self.depth = source, reading, budget, depth
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def follow(self) -> None:
        read, table, first = self.source.read, _TABLE, self.reading.opcodes
        while True:
            code = read(1)
            if not code:
                raise MalformedPickleError("it ends early")
            opcode = table.get(code[0])
            if opcode is None:
                raise MalformedPickleError(f"no opcode {code!r}")
            self.budget.opcodes -= 1
            if self.budget.opcodes < 0:
                raise OverLimitError("too many opcodes")
            self.reading.opcodes += 1
            argument = self._argument(opcode) if opcode.length else None
            if opcode.name == "STOP":
                if not self.stack:
                    raise MalformedPickleError("it ends with nothing")
                if self.reading.opcodes - first <= 3 and self.stack[-1] == _TORCH_MAGIC:
                    self.reading.is_torch_legacy = True
                return
            self._apply(opcode, argument)

    def _argument(self, opcode: _Opcode) -> Any:
        """The argument where it plays a part in names; large contents are passed over."""
        length, name = opcode.length, opcode.name
        if length == _LINE:
            line = self._line()
            if name in ("GLOBAL", "INST"):
                return (_decoded(line), _decoded(self._line()))
            if name in ("GET", "PUT", "INT", "LONG"):
                return _integer(line)
            if name == "STRING":
                return _quoted(line)
            return _decoded(line, "raw-unicode-escape") if name == "UNICODE" else _OTHER
        if length > 0:
            data = self._exactly(length)
            if name in ("BINFLOAT",):
                return _OTHER
            return int.from_bytes(data, "little", signed=name == "BININT")
        size = int.from_bytes(self._exactly(_LENGTHS[length]), "little")
        if name == "LONG1":
            return int.from_bytes(self._exactly(size), "little", signed=True)
        if name in _TEXTS and size <= _LONGEST_TEXT:
            return _decoded(self._exactly(size))
        self.source.skip(size)
        return _OTHER

    def _apply(self, opcode: _Opcode, argument: Any) -> None:
        name, stack = opcode.name, self.stack
        if name in _TEXTS or name in _INTEGERS:
            stack.append(argument)
        elif name in ("GLOBAL", "INST"):
            if name == "INST":
                self._pop_to_mark()
            self._import(*argument)
        elif name == "STACK_GLOBAL":
            attribute, module = self._pop(), self._pop()
            self._import(module, attribute)
        elif name in ("EXT1", "EXT2", "EXT4"):
            self._import(None, None)
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            self.memo[argument] = self._top()
        elif name == "MEMOIZE":
            self.memo[len(self.memo)] = self._top()
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            if argument not in self.memo:
                raise MalformedPickleError("a memo that was never set")
            stack.append(self.memo[argument])
        elif name == "DUP":
            stack.append(self._top())
        elif name == "TUPLE" or name in _TUPLES:
            count = _TUPLES.get(name)
            items = self._pop_to_mark() if count is None else self._pop_many(count)
            stack.append(tuple(items) if len(items) <= _MOST_ITEMS else _OTHER)
        elif name == "EMPTY_DICT":
            stack.append(_Entries())
        elif name in ("SETITEMS", "SETITEM"):
            items = self._pop_to_mark() if name == "SETITEMS" else self._pop_many(2)
            held = self._top()
            if isinstance(held, _Entries):
                for key, value in zip(items[::2], items[1::2], strict=False):
                    if isinstance(key, str) and len(held.values) < _MOST_ITEMS:
                        held.values[key] = value
        elif name in ("REDUCE", "NEWOBJ"):
            arguments, called = self._pop(), self._pop()
            self.reading.called(called.name if isinstance(called, _Named) else UNKNOWN, arguments)
            stack.append(_Named(called.name, arguments) if isinstance(called, _Named) else _OTHER)
        elif name == "BUILD":
            self._build()
        else:
            pops, to_mark, pushes = opcode.effect
            if to_mark:
                self._pop_to_mark()
            if pops:
                self._pop_many(pops)
            stack.extend(pushes)

    def _import(self, module: Any, name: Any) -> None:
        known = isinstance(module, str) and isinstance(name, str)
        found = f"{module}.{name}" if known else UNKNOWN
        self.reading.imports[found] = None
        self.stack.append(_Named(found))

    def _build(self) -> None:
        state = self._pop()
        target = self._top()
        # joblib puts the bytes of an array between the opcodes, right behind this one.
        if isinstance(target, _Named) and target.name == "joblib.numpy_pickle.NumpyArrayWrapper":
            if not isinstance(state, _Entries):
                raise MalformedPickleError("an array without a description")
            self._pass_over_array(state.values)

    def _pass_over_array(self, state: dict[str, Any]) -> None:
        kind = state.get("dtype")
        arguments: Any = kind.arguments if isinstance(kind, _Named) else None
        code = cast("tuple[Any, ...]", arguments)[0] if isinstance(arguments, tuple) and arguments else None
        shape = state.get("shape")
        if not isinstance(code, str) or not isinstance(shape, tuple):
            raise MalformedPickleError("an array without a type")
        if code.startswith("O"):
            read_pickle(self.source, self.reading, self.budget, self.depth + 1)
            return
        count = 1
        for each in cast("tuple[Any, ...]", shape):
            if not isinstance(each, int) or each < 0:
                raise MalformedPickleError("an array without a shape")
            count *= each
        if isinstance(state.get("numpy_array_alignment_bytes"), int):
            self.source.skip(self._exactly(1)[0])
        self.source.skip(count * _item_size(code))

    def _top(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise MalformedPickleError("its stack is empty")
        return self.stack[-1]

    def _pop(self) -> Any:
        if not self.stack:
            raise MalformedPickleError("its stack is empty")
        return self.stack.pop()

    def _pop_many(self, count: int) -> list[Any]:
        return [self._pop() for _ in range(count)][::-1]

    def _pop_to_mark(self) -> list[Any]:
        items: list[Any] = []
        while (item := self._pop()) is not _MARK:
            items.append(item)
        return items[::-1]

    def _exactly(self, size: int) -> bytes:
        data = self.source.read(size)
        if len(data) != size:
            raise MalformedPickleError("it ends early")
        return data

    def _line(self) -> bytes:
        line = self.source.line(_LONGEST_LINE)
        if not line.endswith(b"\n"):
            raise MalformedPickleError("a line without an end")
        return line[:-1]


def _decoded(data: bytes, encoding: str = "utf-8") -> Any:
    try:
        return data.decode(encoding, "strict" if encoding != "utf-8" else "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _quoted(line: bytes) -> Any:
    """The text of the oldest kind of string, in quotes and with escapes."""
    import codecs

    if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in (b"'", b'"') or len(line) > _LONGEST_TEXT:
        return _OTHER
    try:
        return codecs.escape_decode(line[1:-1])[0].decode("latin-1")  # pyright: ignore
    except ValueError:
        return _OTHER


def _integer(line: bytes) -> Any:
    try:
        return int(line.rstrip(b"L"))
    except ValueError:
        return _OTHER


def _item_size(code: str) -> int:
    """Bytes of an item of an array, by numpy's code for its type, such as `f8` or `U10`."""
    digits = code.lstrip("<>|=")[1:]
    if not digits.isdecimal():
        raise MalformedPickleError(f"an array of {code!r}")
    return int(digits) * (4 if code.lstrip("<>|=").startswith("U") else 1)
