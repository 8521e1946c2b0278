"""Magics and shell commands inside a cell."""

import ast
from collections.abc import Iterable
from re import findall

from nbtrack.tracking.cells import known_magics
from nbtrack.tracking.cells.calls import CallWalk
from nbtrack.tracking.cells.effects import NO_SOURCES, FilePath, Sources


class MagicWalk(CallWalk):
    """What magics do."""

    def magic(self, node: ast.Call) -> Sources:
        """A magic in its place."""
        name, rest = (each.value for each in node.args if isinstance(each, ast.Constant))
        if not isinstance(name, str) or not isinstance(rest, str):
            return NO_SOURCES
        self.magics.append(name if name == "!" else f"%{name}")
        if name in known_magics.OPAQUE_LINE_MAGICS:
            self.opaque = self.opaque or f"%{name}"
        elif name == "!" or name in known_magics.SHELL_LINE_MAGICS:
            self.shell(rest if name == "!" else f"{name} {rest}")
        elif name in known_magics.RUNNING_LINE_MAGICS:
            self.line_of_code(rest)
        elif name in known_magics.SETTING_LINE_MAGICS:
            if not (name in ("env", "cd") and not rest) and not rest.startswith("NBTrack"):
                self.settings[f"%{name}"] = None
        elif name == "writefile":
            self.files_written.add(FilePath("", False))
        elif name not in known_magics.HARMLESS_LINE_MAGICS:
            self.settings[f"%{name}"] = None
            self.names_in(rest, node.lineno)
        return frozenset((id(node),))

    def shell(self, command: str) -> None:
        """A shell command: `{names}` and `$names` in it are read."""
        self.names_in(command, 1, only_marked=True)
        use = known_magics.shell_use(command)
        if use == "installs":
            self.settings["!" + " ".join(command.split()[:2])] = None
        elif use == "runs":
            self.files_written.add(FilePath("", False))
            self.files_read.add(FilePath("", False))

    def line_of_code(self, rest: str) -> None:
        """Code behind a magic such as `%timeit`, which binds nothing in the notebook."""
        try:
            tree = ast.parse(rest.split(maxsplit=1)[-1] if rest.startswith("-") else rest)
        except (SyntaxError, ValueError, RecursionError):
            self.names_in(rest, 1)
            return
        before = dict(self.env), set(self.certain)
        self.run(tree.body)
        self.env, self.certain = before

    def run(self, body: Iterable[ast.stmt]) -> None:
        """Walk over statements."""
        raise NotImplementedError

    def names_in(self, text: str, line: int, *, only_marked: bool = False) -> None:
        """Names in the text of a magic are read when they mean something."""
        for name in findall(r"(?:\$|\{)\s*([A-Za-z_]\w*)" if only_marked else r"[A-Za-z_]\w*", text):
            if not name.isidentifier():
                continue
            if name not in self.reads:
                self.soft_reads.add(name)
            self.use(self.read(name, line))
