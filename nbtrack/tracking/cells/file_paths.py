"""Random numbers, settings and files: what calls do outside the names."""

import ast

from nbtrack.tracking.cells import known_calls
from nbtrack.tracking.cells.code_walk import Walk
from nbtrack.tracking.cells.effects import FilePath, Outside
from nbtrack.tracking.cells.known_calls import KnownFunction

_SEEDED = frozenset({"random_state", "seed", "generator", "rng"})


class OutsideWalk(Walk):
    """What code does to the world."""

    def outside_of(self, node: ast.Call, dotted: str, known: KnownFunction, *, name: str | None) -> None:
        """Random numbers, settings and files."""
        if known.seeds:
            if self.branches or not (node.args or node.keywords):
                self.draws |= known.seeds - self.seeds
            else:
                self.seeds |= known.seeds
        if known.draws:
            self.draws |= known.draws - self.seeds
        drawn = "numpy" if known.draws_unless_seeded else known_calls.drawing_method(name) if name else None
        if drawn is not None and not any(keyword.arg in _SEEDED for keyword in node.keywords):
            self.draws |= {drawn} - self.seeds
        if known.is_setting:
            self.settings[dotted] = None
        if name is None:
            return
        if name == "open" and dotted == "open":
            self.opened(node)
            return
        use = known_calls.file_use(name)
        receiver = node.func.value if type(node.func) is ast.Attribute else None
        paths = [path for argument in node.args if (path := self.path_in(argument, is_sure=False))]
        paths += [path for each in node.keywords if (path := self.path_in(each.value, is_sure=False))]
        if (
            name in ("read_text", "read_bytes", "write_text", "write_bytes", "unlink", "touch", "mkdir")
            and receiver is not None
        ):
            paths = [self.path_in(receiver, is_sure=True) or FilePath("", False)]
        elif name in ("Path", "join", "print", "exists", "is_file", "isfile", "isdir", "getenv", "savefig"):
            return
        if (
            use
            and not paths
            and node.args
            and (dotted or "").count(".") >= 1
            and "path" not in (dotted or "")
        ):
            first = node.args[0]
            if use == "reads" and type(first) in (
                ast.Name,
                ast.JoinedStr,
                ast.BinOp,
                ast.Call,
                ast.Attribute,
                ast.Subscript,
            ):
                if name.startswith(("read_", "load", "scan_", "genfromtxt", "imread", "fromfile", "open")):
                    paths = [self.path_in(first, is_sure=True) or FilePath("", False)]
            elif use != "reads":
                for argument in node.args[:2]:
                    if path := self.path_in(argument, is_sure=True):
                        paths.append(path)
                if not paths:
                    paths = [FilePath("", False)]
        if not paths:
            return
        if use == "reads" or not use:
            self.files_read.update(paths)
            return
        self.files_written.update(paths)
        if (
            use == "replaces"
            and not self.branches
            and not any(each.arg in ("mode", "append") for each in node.keywords)
        ):
            self.files_replaced.update(path for path in paths if path.is_whole)

    def opened(self, node: ast.Call) -> None:
        """`open(path, mode)`."""
        mode = (
            node.args[1]
            if len(node.args) > 1
            else next((k.value for k in node.keywords if k.arg == "mode"), None)
        )
        text = (
            mode.value
            if type(mode) is ast.Constant and isinstance(mode.value, str)
            else "r"
            if mode is None
            else "r+"
        )
        path = (self.path_in(node.args[0], is_sure=True) if node.args else None) or FilePath("", False)
        if "r" in text or "+" in text:
            self.files_read.add(path)
        if set(text) & set("wax+"):
            self.files_written.add(path)
            if "w" in text and not self.branches and path.is_whole:
                self.files_replaced.add(path)

    def path_in(self, node: ast.expr, *, is_sure: bool) -> FilePath | None:
        """The path that an expression gives, when it may be one; `is_sure` when it is."""
        if isinstance(node, (ast.Constant, ast.Name)):
            text = node.value if isinstance(node, ast.Constant) else self.texts.get(node.id)
            if isinstance(text, str):
                return FilePath(text) if is_sure or known_calls.looks_like_a_path(text) else None
            return FilePath("", False, node.id) if is_sure and isinstance(node, ast.Name) else None
        if isinstance(node, ast.Call) and node.args:
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("Path", "PurePath", "open", "str", "fspath", "abspath", "expanduser", "BytesIO"):
                if len(node.args) == 1:
                    return self.path_in(node.args[0], is_sure=True)
                last = self.path_in(node.args[-1], is_sure=True)
                return FilePath(last.text, False) if last else FilePath("", False)
            if name == "join":
                last = self.path_in(node.args[-1], is_sure=True)
                return FilePath(last.text, False) if last else FilePath("", False)
            return FilePath("", False) if is_sure else None
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Div, ast.Add)):
            last = self.path_in(node.right, is_sure=isinstance(node.op, ast.Div))
            return FilePath(last.text, False) if last else FilePath("", False) if is_sure else None
        if isinstance(node, ast.JoinedStr):
            last = node.values[-1] if node.values else None
            if isinstance(last, ast.Constant) and isinstance(last.value, str):
                return (
                    FilePath(last.value, False)
                    if is_sure or known_calls.looks_like_a_path(f"a{last.value}")
                    else None
                )
        return FilePath("", False) if is_sure else None

    def outside(self) -> Outside:
        """All of it."""
        return Outside(
            frozenset(self.seeds),
            frozenset(self.draws),
            tuple(self.settings),
            frozenset(self.files_read),
            frozenset(self.files_written),
            frozenset(self.files_replaced),
        )
