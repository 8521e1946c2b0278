"""What cells do outside their names, in the history of a notebook: random numbers, files, shown values."""

from collections.abc import Sequence
from posixpath import normpath

from nbtrack.tracking.cells.effects import FilePath
from nbtrack.tracking.cells.regions import Node, Region, joined
from nbtrack.tracking.cells.settling import SettleStep

GENERATORS = {"python": "Python's", "numpy": "numpy's", "torch": "torch's"}
"""Global generators of random numbers, and how they are called."""


_OUTPUTS = frozenset(("_", "__", "___", "Out", "_oh"))


class OutsideStep(SettleStep):
    """What it does outside its names."""

    drawn: Sequence[str] = ()
    """The generators that it draws from."""

    def _find_outside(self) -> None:
        """What it takes from there."""
        history, effects = self.history, self.effects
        self.drawn = [each for each in GENERATORS if self._draws(each)]
        for generator in self.drawn:
            self.need(f"random:{generator}")
        if history.files or history.vague_files is not None:
            for path in self.files_read:
                self._reads_file(self._path(path))
        for name in effects.reads:
            if name in _OUTPUTS or (name[0] == "_" and name[1:].isdigit()):
                # `_`, `_3` and `Out[3]` are what cells showed.
                self.result.unknown = [each for each in self.result.unknown if each[0] != name]
                number = int(name[1:]) if name[1:].isdigit() else None
                for each, node in history.outputs.items():
                    if number is None or each == number:
                        self.result.needs.append((name, node))

    def _draws(self, generator: str) -> bool:
        """Whether it draws from a generator; what the kernel saw is surer than the text."""
        key = f"random:{generator}"
        now, before = self.cell.kinds.get(key), self.history.random.get(key)
        if generator in self.effects.outside.seeds and self.is_certain:
            return generator in self.draws
        if now is not None and before is not None:
            return now != before
        is_seed = generator in self.effects.outside.seeds
        return generator in self.draws or is_seed or bool(self.effects.calls)

    def _leave_outside(self) -> None:
        """What it leaves there."""
        history, kinds = self.history, self.cell.kinds
        seeds = self.effects.outside.seeds if self.is_certain else frozenset[str]()
        for generator, whose in GENERATORS.items():
            key = f"random:{generator}"
            is_seen = key in kinds and key in history.random
            if key in kinds:
                history.random[key] = kinds[key]
            else:
                history.random.pop(key, None)
            if generator in seeds:
                history.bindings[key] = self._node(f"seeds {whose} random state", key)
            elif generator in self.drawn and (
                is_seen or generator in self.draws or generator in self.effects.outside.seeds
            ):
                deed = f"draws from {whose} random state"
                history.bindings[key] = self._node(deed, key, history.bindings.get(key))
        for path in self.files_written:
            whole = self._path(path)
            text = normpath(whole.text) if whole.text else ""
            what = whole.text or "a file"
            if whole.is_whole and text:
                is_new = path in self.effects.outside.files_replaced and self.is_certain
                before = None if is_new else history.files.get(text)
                history.files[text] = self._node(f"writes {what}", text, before)
            else:
                history.vague_files = self._node(f"may write {what}", text, history.vague_files)
        if self.effects.shows is not None:
            history.outputs[self.cell.number] = self._node("shows", "_")

    def _path(self, path: FilePath) -> FilePath:
        if path.name is None:
            return path
        text = (
            self.effects.literals.get(path.name)
            if path.name in self.effects.writes
            else self.history.texts.get(path.name)
        )
        return FilePath(text) if isinstance(text, str) and text else path

    def _reads_file(self, path: FilePath) -> None:
        history, needs = self.history, self.result.needs
        text = normpath(path.text) if path.text else ""
        for written, node in history.files.items():
            if path.is_whole:
                is_same = written == text or written.startswith(f"{text}/") or text.startswith(f"{written}/")
            else:
                is_same = not text or written.endswith(text) or text in written
            if is_same and node.cell != self.index:
                needs.append((written, node))
        node = history.vague_files
        while node is not None:
            if node.cell != self.index and (
                not text or not node.name or text.endswith(node.name) or node.name.endswith(text)
            ):
                needs.append((path.text or "a file", _alone(node)))
            node = node.before

    def _leave_anything(self) -> None:
        history = self.history
        state = self._node(f"runs {self.opaque}", "")
        history.opaque = state
        history.anything = Region(state)
        for region in history.regions.values():
            if region is not None:
                joined(history.anything, region)
        history.anything.state = state
        history.bindings.clear()
        history.regions.clear()
        history.exact.clear()


def _alone(node: Node) -> Node:
    return Node(node.cell, node.deed, node.name)
