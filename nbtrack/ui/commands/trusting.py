"""The command `trust`: let a model that somebody else made run code, after a look at what it would run."""

from pathlib import Path

import click

from nbtrack.core import static_views
from nbtrack.core.errors import InvalidValueError, NbtrackError, NotFoundError
from nbtrack.core.text_tables import file_size, moment, shortened
from nbtrack.ui.commands.screen import Screen
from nbtrack.ui.commands.verb import verb

_SHOWN_DIGEST = 12
_MOST_FILES = 20
_MOST_IMPORTS = 12


@verb("trust", examples=["downloads/model", "models:/iris/3 --yes", "--list", "--forget 1a2b3c4d5e6f"])
@click.argument("model", required=False, metavar="[MODEL]")
@click.option("--list", "is_list", is_flag=True, help="List the models that you trust.")
@click.option("--forget", is_flag=True, help="Trust MODEL no more: a folder, or a digest of the list.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def trust(screen: Screen, model: str | None, is_list: bool, forget: bool, yes: bool) -> None:
    """Let a model run code when it is loaded.

    Models that you logged may do so without. MODEL is a folder or a model URI. What it would import is
    shown, found without running any of it; then this asks.
    """
    if is_list or (model is None and not forget):
        _list(screen)
    elif model is None:
        raise click.UsageError("--forget takes the folder or the digest of a MODEL.")
    elif forget:
        _forget(screen, model)
    else:
        _trust(screen, model, yes)


def _trust(screen: Screen, model: str, yes: bool) -> None:
    from nbtrack.models.safety import trust as trusting
    from nbtrack.models.safety.safe_files import scan

    folder = _folder(screen, model)
    files = scan(folder).files
    digest = trusting.folder_digest(folder)
    if trusting.is_own(folder):
        screen.say(f"You logged the model {str(folder)!r} yourself: it loads as it is.")
        return
    if any(each.digest == digest for each in trusting.trusted_digests()):
        screen.say(f"You trust the model {str(folder)!r} already.")
        return
    size = file_size(sum(status.st_size for status in files.values()))
    screen.say(f"The model {str(folder)!r}: {_count(len(files), 'file')}, {size}, digest {digest}")
    running = trusting.what_runs(folder)
    for each in running[:_MOST_FILES]:
        screen.say(f"  {each.sentence(_MOST_IMPORTS)}")
    if len(running) > _MOST_FILES:
        screen.say(f"  … and {_count(len(running) - _MOST_FILES, 'more file')} of that kind")
    if not running:
        screen.say("  Nothing in it was recognized as code or as a pickle.")
    if exposed := trusting.others_can_change(folder):
        screen.say(f"  Watch out: {exposed}.")
    screen.say(
        "Whenever you load it, or an exact copy of it, it may do whatever you may do. "
        "A change of any file ends that."
    )
    if not (yes or screen.confirms("Do you trust whoever made it?")):
        return
    trusting.trust_folder(folder, digest=digest)
    short = digest[:_SHOWN_DIGEST]
    screen.say(f"Trusted {str(folder)!r}. Undo: {screen.program} trust --forget {short}")


def _list(screen: Screen) -> None:
    from nbtrack.models.safety.trust import trusted_digests

    known = trusted_digests()
    if not known:
        screen.say("You trust no models but those that you log yourself.")
        return
    rows = [
        [each.digest[:_SHOWN_DIGEST], moment(each.timestamp), shortened(each.path, 200)] for each in known
    ]
    screen.show(static_views.table(["digest", "trusted", "lay at"], rows))


def _forget(screen: Screen, model: str) -> None:
    from nbtrack.models.safety.trust import distrust_folder, folder_digest, trusted_digests

    known = trusted_digests()
    place = str(Path(model).expanduser().absolute())
    found = {each.digest for each in known if each.digest.startswith(model.lower()) and len(model) >= 4}
    if len(found) > 1:
        raise InvalidValueError(f"{len(found)} digests begin with {model!r}: give more of it.")
    if not found:
        found = {each.digest for each in known if each.path == place}
    if not found:
        try:
            digest = folder_digest(_folder(screen, model))
        except NbtrackError:
            digest = None
        found = {each.digest for each in known if each.digest == digest}
    if not found:
        raise NotFoundError("trusted model", model, [each.digest[:_SHOWN_DIGEST] for each in known])
    for digest in sorted(found):
        distrust_folder(digest)
        screen.say(f"The model with the digest {digest[:_SHOWN_DIGEST]} is trusted no more.")


def _folder(screen: Screen, model: str) -> Path:
    """The folder of a model on this machine; the store is opened only where the URI needs it."""
    from nbtrack.tracking.model_uris import local_model_folder, read_model_uri

    needs_store = read_model_uri(screen.tracker, model).folder is None
    return local_model_folder(screen.tracker if needs_store else None, model).absolute()


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
