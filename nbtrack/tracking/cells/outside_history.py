"""What cells do outside their names, in the history of a notebook: random numbers, files, shown values."""

from posixpath import normpath

from nbtrack.tracking.cells.effects import FilePath
from nbtrack.tracking.cells.regions import Node, Region, joined
from nbtrack.tracking.cells.settling import SettleStep

GENERATORS = {"python": "Python's", "numpy": "numpy's", "torch": "torch's"}
"""Global generators of random numbers, and how they are called."""


class OutsideStep(SettleStep):
    """What it does outside its names."""

    def _random(self) -> None:
        history, cell, effects = self.history, self.cell, self.effects
        for generator, whose in GENERATORS.items():
            key = f"random:{generator}"
            now, before = cell.kinds.get(key), history.random.get(key)
            is_changed = None if now is None or before is None else now != before
            if now is not None:
                history.random[key] = now
            else:
                history.random.pop(key, None)
            if generator in effects.outside.seeds and self.is_certain:
                history.bindings[key] = self._node(f"seeds {whose} random state", key)
                continue
            is_seed = generator in effects.outside.seeds
            if is_changed or (is_changed is None and (generator in self.draws or is_seed)):
                self.need(key)
                history.bindings[key] = self._node(
                    f"draws from {whose} random state", key, history.bindings.get(key)
                )
            elif is_changed is None and effects.calls:
                self.need(key)

    def _files(self) -> None:
        history = self.history
        if history.files or history.vague_files is not None:
            for path in self.files_read:
                self._reads_file(self._path(path))
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

    def _outputs(self) -> None:
        """`_`, `_3` and `Out[3]` are what cells showed."""
        history, effects = self.history, self.effects
        for name in list(effects.reads):
            if name in ("_", "__", "___", "Out", "_oh") or (name[0] == "_" and name[1:].isdigit()):
                self.result.unknown = [each for each in self.result.unknown if each[0] != name]
                number = int(name[1:]) if name[1:].isdigit() else None
                for each, node in history.outputs.items():
                    if number is None or each == number:
                        self.result.needs.append((name, node))
        if effects.shows is not None:
            history.outputs[self.cell.number] = self._node("shows", "_")

    def _opaque(self) -> None:
        history = self.history
        state = self._node(f"runs {self.effects.reason}", "")
        self.result.opaque = self.effects.reason
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
