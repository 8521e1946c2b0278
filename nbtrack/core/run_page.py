"""Everything about one run on one page: its card, note, artifacts, environment and code."""

from collections.abc import Mapping, Sequence
from typing import Any

from nbtrack.core import system_tags
from nbtrack.core.entities import FileInfo, Run
from nbtrack.core.html_tables import html_table, safe, safe_block
from nbtrack.core.static_views import View, run_card
from nbtrack.core.text_tables import file_size, text_table, visible, visible_block


def run_page(
    run: Run,
    *,
    experiment: str,
    artifacts: Sequence[FileInfo] = (),
    code: Mapping[str, str] | None = None,
    environment: Mapping[str, Any] | None = None,
    attempts: View | None = None,
) -> View:
    """Draw a run whole.

    Args:
        run: The run.
        experiment: The name of its experiment.
        artifacts: What lies at the root of its artifacts.
        code: Code that it kept, by file name; folded in HTML.
        environment: What it ran in, as the tracker's `get_environment` gives it.
        attempts: The attempts of its lineage, where there are several.
    """
    card = run_card(run)
    deleted = " · deleted" if run.info.lifecycle_stage == "deleted" else ""
    where = f"experiment {experiment}{deleted}"
    html, text = [card.html, f"<div><small>{safe(where)}</small></div>"], [card.text, f"  {visible(where)}"]
    if attempts is not None:
        html.append(attempts.html)
        text += ["", _indented(attempts.text)]
    if note := run.data.tags.get(system_tags.NOTE):
        html.append(f"<div>note</div><pre>{safe_block(note)}</pre>")
        text += ["", "note:", _indented(visible_block(note))]
    if artifacts:
        rows = [[_path(info), file_size(info.file_size)] for info in artifacts]
        html.append(html_table(["artifact", "size"], rows))
        text += ["", _indented(text_table(["artifact", "size"], rows, right=(1,)))]
    if facts := _facts(environment or {}):
        html.append(html_table(["environment", ""], facts))
        text += ["", _indented(text_table(["environment", ""], facts))]
    for name, lines in (code or {}).items():
        html.append(
            f"<details><summary>code ({safe(name)})</summary><pre>{safe_block(lines)}</pre></details>"
        )
        text += ["", f"code ({visible(name)}):", "", visible_block(lines)]
    return View("".join(html), "\n".join(text))


def _path(info: FileInfo) -> str:
    return f"{info.path}/" if info.is_dir else info.path


def _facts(environment: Mapping[str, Any]) -> list[list[str]]:
    git: Mapping[str, Any] = environment.get("git") or {}
    python: Mapping[str, Any] = environment.get("python") or {}
    platform: Mapping[str, Any] = environment.get("platform") or {}
    packages: Mapping[str, Any] = environment.get("packages") or {}
    commit = " ".join(
        filter(
            None,
            [
                str(git["commit"])[:12] if git.get("commit") else "",
                f"on {git['branch']}" if git.get("branch") else "",
                f"with {git['changed_files']} changed files" if git.get("dirty") else "",
            ],
        )
    )
    facts = {
        "git": commit,
        "command": environment.get("command"),
        "source": environment.get("source_name"),
        "python": " ".join(str(python[key]) for key in ("implementation", "version") if python.get(key)),
        "platform": " ".join(
            str(platform[key]) for key in ("system", "release", "machine") if platform.get(key)
        ),
        "packages": f"{len(packages)} (--json lists them)" if packages else "",
    }
    return [[name, str(fact)] for name, fact in facts.items() if fact]


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.split("\n"))
