import os
from pathlib import Path
from time import monotonic

import pytest

from nbtrack.tracking.git_repository import Head, Repository, find_repository
from tests.tracking.git import commit_all, git, make_repository


def repository_of(folder: Path) -> Repository:
    found = find_repository(str(folder))
    assert found is not None
    return found


def test_commit_and_branch_are_read_from_a_folder_below(tmp_path: Path) -> None:
    commit = make_repository(tmp_path / "project")
    below = tmp_path / "project/a/b"
    below.mkdir(parents=True)

    assert repository_of(below).head() == Head(commit, "main")
    assert repository_of(below).root == str(tmp_path / "project")


def test_outside_there_is_no_repository(tmp_path: Path) -> None:
    assert find_repository(str(tmp_path)) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: commit_all(folder),
        lambda folder: git(folder, "checkout", "-q", "-b", "feature/new-loss"),
        lambda folder: git(folder, "checkout", "-q", "--detach"),
        lambda folder: git(folder, "pack-refs", "--all"),
        lambda folder: (commit_all(folder), git(folder, "reset", "-q", "--hard", "HEAD^")),
        lambda folder: git(folder, "branch", "-m", "umbenannt-ü"),
        lambda folder: (git(folder, "pack-refs", "--all"), commit_all(folder)),
    ],
)
def test_a_change_is_seen_at_once(tmp_path: Path, change) -> None:
    make_repository(tmp_path)
    repository = repository_of(tmp_path)
    repository.head()

    change(tmp_path)

    branch = git(tmp_path, "rev-parse", "--abbrev-ref", "HEAD")
    assert repository.head() == Head(git(tmp_path, "rev-parse", "HEAD"), None if branch == "HEAD" else branch)
    assert repository.head() == repository_of(tmp_path).head()


def test_a_worktree_has_a_head_of_its_own(tmp_path: Path) -> None:
    make_repository(tmp_path / "project")
    git(tmp_path / "project", "worktree", "add", "-q", "-b", "other", "../tree")
    commit = commit_all(tmp_path / "tree")
    git(tmp_path / "project", "remote", "add", "origin", "https://example.org/x.git")

    found = repository_of(tmp_path / "tree")

    assert found.head() == Head(commit, "other")
    assert found.remote_url() == "https://example.org/x.git"
    status = found.status(20)
    assert status is not None
    assert status.head == found.head()


def test_a_submodule_is_a_repository_of_its_own(tmp_path: Path) -> None:
    commit = make_repository(tmp_path / "library")
    outer = make_repository(tmp_path / "project")
    git(tmp_path / "project", "submodule", "add", "-q", str(tmp_path / "library"), "lib")

    assert repository_of(tmp_path / "project/lib").head() == Head(commit, "main")
    assert repository_of(tmp_path / "project").head().commit == outer


def test_before_the_first_commit_there_is_a_branch_only(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")

    assert repository_of(tmp_path).head() == Head(None, "main")
    status = repository_of(tmp_path).status(20)
    assert status is not None
    assert status.head == Head(None, "main")


def test_changed_files_are_counted_and_untracked_ones_are_not(tmp_path: Path) -> None:
    make_repository(tmp_path)
    (tmp_path / "b.py").write_text("x = 1\n" * 50)
    (tmp_path / "c ü.py").write_text("y = 1\n")
    commit_all(tmp_path)
    repository = repository_of(tmp_path)
    clean = repository.status(20)

    git(tmp_path, "mv", "b.py", "d.py")
    (tmp_path / "c ü.py").write_text("y = 2\n")
    (tmp_path / "train.py").unlink()
    (tmp_path / "notes.txt").write_text("untracked")
    changed = repository.status(20)

    assert clean is not None
    assert changed is not None
    assert (clean.changed_files, changed.changed_files) == (0, 3)


@pytest.mark.parametrize(
    ("config", "url"),
    [
        ('[remote "origin"]\n\turl = https://a/x.git\n', "https://a/x.git"),
        (
            '[remote "up"]\n\turl = https://b/x\n[remote "origin"]\n\tfetch = x\n\turl=git@a:x.git\n',
            "git@a:x.git",
        ),
        ('[remote "up"]\n\turl = https://b/x\n', "https://b/x"),
        ("[core]\n\turl = https://b/x\n", None),
        ("", None),
    ],
)
def test_the_url_of_the_remote_is_read(tmp_path: Path, config: str, url: str | None) -> None:
    make_repository(tmp_path)
    (tmp_path / ".git/config").write_text(config)

    assert repository_of(tmp_path).remote_url() == url


@pytest.mark.parametrize(
    "head",
    [
        "ref: ../../secret\n",
        "ref: refs/../../secret\n",
        "ref: /etc/passwd\n",
        "not a commit\n",
        "",
        "ref: refs/heads/none",
    ],
)
def test_a_head_that_points_elsewhere_reads_no_other_file(tmp_path: Path, head: str) -> None:
    make_repository(tmp_path)
    (tmp_path / "secret").write_text("0" * 40)
    (tmp_path / ".git/HEAD").write_text(head)

    assert repository_of(tmp_path).head().commit is None


def test_a_circle_of_references_ends(tmp_path: Path) -> None:
    make_repository(tmp_path)
    (tmp_path / ".git/refs/heads/main").write_text("ref: refs/heads/main\n")

    assert repository_of(tmp_path).head().commit is None


@pytest.mark.parametrize(
    "by", ["fsmonitor", "filter", "process", "included filter", "worktree filter", "hook"]
)
def test_nothing_that_a_repository_brings_along_is_run(tmp_path: Path, by: str) -> None:
    make_repository(tmp_path / "x")
    folder, proof = tmp_path / "x", tmp_path / "proof"
    evil = tmp_path / "evil.sh"
    evil.write_text(f"#!/bin/sh\ntouch {proof}\ncat\n")
    evil.chmod(0o700)
    if by == "fsmonitor":
        git(folder, "config", "core.fsmonitor", str(evil))
    elif by == "hook":
        git(folder, "config", "core.hooksPath", str(tmp_path))
        os.link(evil, tmp_path / "post-index-change")
    else:
        (folder / ".gitattributes").write_text("*.py filter=evil\n")
        commit_all(folder)
        section = f'[filter "evil"]\n\t{"process" if by == "process" else "clean"} = {evil}\n'
        if by == "included filter":
            (folder / ".git/more").write_text(section)
            section = "[include]\n\tpath = more\n"
        if by == "worktree filter":
            git(folder, "config", "extensions.worktreeConfig", "true")
            (folder / ".git/config.worktree").write_text(section)
        else:
            with open(folder / ".git/config", "a") as file:
                file.write(section)
        (folder / "train.py").write_text("print(2)\n")

    status = repository_of(folder).status(20)

    assert status is not None
    assert not proof.exists()


def test_the_environment_of_another_git_is_not_inherited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_repository(tmp_path / "other")
    commit = make_repository(tmp_path / "project")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other/.git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "nothing"))

    status = repository_of(tmp_path / "project").status(20)

    assert status is not None
    assert (status.head.commit, status.changed_files) == (commit, 0)


def test_asking_leaves_the_index_as_it_is(tmp_path: Path) -> None:
    make_repository(tmp_path)
    index = tmp_path / ".git/index"
    os.utime(tmp_path / "train.py", (1, 1))
    before = index.stat().st_mtime_ns, index.read_bytes()

    assert repository_of(tmp_path).status(20) is not None
    assert (index.stat().st_mtime_ns, index.read_bytes()) == before


def test_without_git_there_is_a_commit_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = make_repository(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert repository_of(tmp_path).head().commit == commit
    assert repository_of(tmp_path).status(20) is None


@pytest.mark.parametrize("stopped_by", ["time", "nobody wants it"])
def test_a_git_that_takes_too_long_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped_by: str
) -> None:
    make_repository(tmp_path)
    slow = tmp_path / "bin/git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o700)
    monkeypatch.setenv("PATH", f"{slow.parent}:{os.environ['PATH']}")
    began = monotonic()

    status = repository_of(tmp_path).status(0.1 if stopped_by == "time" else 60, lambda: stopped_by == "time")

    assert status is None
    assert monotonic() - began < 10
