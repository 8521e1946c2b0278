"""What must never be kept: passwords, tokens and keys in command lines and URLs.

Two rules, and either is enough. A *name* can say that its value is a secret (`--api-key`,
`db_password`), and a *value* can look like one (`ghp_...`, a long random text). The names of
hyper-parameters (`num_tokens`, `cls_token`, `key_dim`) say no such thing.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

REDACTED = "[redacted]"
"""What stands in the place of a secret."""

_LONGEST = 20_000


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_ALWAYS = _words(
    """
    password passwords passwd passphrase passcode passwort pwd pw secret secrets credential credentials
    creds apikey accesskey secretkey privatekey authtoken accesstoken authorization bearer jwt cookie
    dsn
    """
)
"""Words that make a name secret wherever they stand."""

_ENDS_OF_WORDS = ("password", "passwd", "apikey", "credentials", "authtoken")
"""Of words that nobody parts, such as `PGPASSWORD`."""

_COUNTED = _words(
    """
    num n max min use has is no with per total avg mean count len length
    """
)
_BEFORE_TOKEN = _words(
    """
    access api app auth authentication bearer bot client csrf deploy github gh gitlab hf hub huggingface
    id identity jwt login oauth personal private refresh security service session slack telegram user
    wandb comet neptune mlflow clearml replicate openai anthropic databricks dagshub kaggle sas web
    webhook
    """
)
_ORDINARY_BEFORE_TOKEN = _words(
    """
    cls sep pad mask eos bos unk end start stop begin first last next prev special image img audio video
    text class distill distillation register register prompt drop keep per single each other extra new
    visual vision patch query key value word sub sentence prefix suffix middle fill infill newline space
    blank noise target source src tgt lang language think tool user_turn time memory latent global local
    action state placeholder separator padding masked unknown boundary delimiter sos eot eod bpe char
    character subword point box seg segment frame object region summary pool pooled
    """
)
_BEFORE_KEY = _words(
    """
    api access secret private auth authentication encryption decryption ssh aws azure gcp gpg pgp rsa
    signing signature master service account storage license licence deploy client subscription openai
    anthropic wandb comet neptune mlflow kaggle huggingface session shared sas admin app application
    hmac ssl tls crypt cipher stripe twilio sendgrid mailgun
    """
)
_BEFORE_PASS = _words(
    """
    db user admin root smtp mysql pg postgres ftp ssh key login account proxy http mail
    """
)

# Nothing secret can be in these; `--use_auth_token True` stays readable.
_HARMLESS = re.compile(r"(?i)|true|false|none|null|yes|no|on|off|auto|default|env|prompt|[01]")
_NUMBER = re.compile(r"[+-]?\d{1,9}(\.\d*)?(e[+-]?\d+)?", re.IGNORECASE)
_SPECIAL_TOKEN = re.compile(r"[<\[({|#@].{0,30}[>\])}|#@]|[A-Za-z]{1,12}|\W{1,6}")

_KNOWN_FORMS = re.compile(
    r"""
      gh[pousr]_[A-Za-z0-9]{16,} | github_pat_\w{16,} | glpat-[\w-]{16,}
    | hf_[A-Za-z0-9]{16,} | api_org_[A-Za-z0-9]{16,} | wandb_v1_\w{16,} | r8_[A-Za-z0-9]{20,}
    | sk-(?=[\w-]*\d)[\w-]{16,} | [sr]k_(?:live|test)_\w{10,} | gsk_[A-Za-z0-9]{20,} | nvapi-[\w-]{20,}
    | xox[abeoprs]-[\w-]{10,} | xapp-[\w-]{10,} | \d{8,10}:AA[\w-]{30,}
    | (?:AKIA|ASIA|AGPA|AROA|AIDA|ANPA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Z0-9])
    | AIza[\w-]{30,} | ya29\.[\w-]{16,} | GOCSPX-[\w-]{16,} | dapi[a-f0-9]{20,}
    | eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)? | npm_[A-Za-z0-9]{20,} | pypi-[\w-]{20,}
    | dop_v1_[a-f0-9]{20,} | SG\.[\w-]{10,}\.[\w-]{10,} | key-[a-f0-9]{24,} | AGE-SECRET-KEY-\w+
    | shp(?:at|ca|pa|ss)_\w{16,} | dckr_pat_[\w-]{16,} | lin_api_\w{16,} | hvs\.[\w-]{16,}
    """,
    re.VERBOSE,
)
_KEY_BLOCK = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY", re.IGNORECASE)
_SCHEME_OF_AUTH = re.compile(r"(?i)\b(bearer|basic|token|apikey|digest)(\s+)[^\s'\",;]{8,}")
_HOOK = re.compile(r"(?i)(hooks\.slack\.com/\w+/|discord(?:app)?\.com/api/webhooks/)[^\s'\"]+")

_URL = re.compile(
    r"(?i)\b([a-z][a-z0-9+.-]*)://([^\s/?#'\"<>]*)([^\s?#'\"<>]*)(\?[^\s#'\"<>]*)?(#[^\s'\"<>]*)?"
)
_SCP = re.compile(r"([^\s@/]+)@([\w.-]+):(?!//)(.+)", re.DOTALL)
_SCHEMES_OF_BOXES = _words("abfs abfss wasb wasbs")
"""Of URLs in which a container of data stands before the `@`."""

_PLACEHOLDERS = re.compile(r"(?:\{[^{}]*\}|%s|:)*")
_SIGNED = re.compile(
    r"(?i)[?&](x-amz-signature|x-goog-signature|sig|signature|awsaccesskeyid|x-amz-credential)="
)
_QUERY_PAIR = re.compile(r"([?&;])([^=&;]*)=([^&;]*)")
_SECRET_IN_QUERY = _words(
    """
    sig signature code auth key token
    """
)

_FLAG = re.compile(r"(?s)(--?[A-Za-z][\w.-]*|-[A-Za-z][\w.-]+|/[A-Za-z]\w+)")
_ASSIGNED = re.compile(r"(?s)((?:--?|\+{1,2}|~|/)?[A-Za-z_][\w./@:\[\]-]*?)(=|:=|:\s)(.*)")
_IN_DATA = re.compile(r"""(['"]?)([A-Za-z_][\w.-]*)\1(\s*[:=]\s*)("[^"]*"|'[^']*'|[^\s,;&{}\[\]'"]+)""")

_PIECE = re.compile(r"[A-Za-z0-9]{16,}")
_LONG = re.compile(r"[A-Za-z0-9+/_=-]{24,}")
_DATA = re.compile(r"([A-Za-z0-9+/_=-]{4097,})")
"""No secret is that long: a picture in Base64, say."""

_HEX = re.compile(r"(?i)[0-9a-f]+")
_AWS_SECRET = re.compile(r"(?<![A-Za-z0-9/+.-])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+.-])")
_IDENTIFIER_WORDS = _words(
    """
    id ids uuid guid run runs commit sha sha1 sha256 md5 hash checksum digest revision rev ref version
    branch resume ckpt checkpoint snapshot experiment parent trial artifact model dataset path dir
    folder file
    """
)


def is_secret_name(name: str) -> bool:
    """Whether a name says that its value is a secret: of an option, a variable, a field."""
    words = [word.lower() for word in _WORD.findall(name)]
    if not words or (words[0] in _COUNTED and words[-1] in ("tokens", "keys")):
        return False
    if any(word in _ALWAYS or word.endswith(_ENDS_OF_WORDS) for word in words):
        return True
    last, before = words[-1], words[-2] if len(words) > 1 else None
    if last == "token":
        return before is None or before in _BEFORE_TOKEN
    if last in ("key", "keys"):
        return before in _BEFORE_KEY
    if last == "pass":
        return before is None or before in _BEFORE_PASS
    return last == "auth" and before not in _COUNTED


def redact_value(value: str, name: str = "") -> str:
    """A text without the secrets in it.

    Args:
        value: Any text.
        name: What it is the value of; empty when nobody knows.
    """
    if _HARMLESS.fullmatch(value):
        return value
    if name and (is_secret_name(name) or (_may_be_secret_name(name) and not _is_ordinary(value))):
        return REDACTED
    if _KEY_BLOCK.search(value):
        return REDACTED
    if len(value) > _LONGEST:
        value = value[:_LONGEST] + "…"
    value = _KNOWN_FORMS.sub(REDACTED, value)
    value = _HOOK.sub(lambda match: f"{match[1]}{REDACTED}", value)
    if "://" in value:
        value = _URL.sub(_redacted_url, value)
    elif scp := _SCP.fullmatch(value):
        value = strip_user_info(value) if ":" in scp[1] else value
    value = _SCHEME_OF_AUTH.sub(lambda match: f"{match[1]}{match[2]}{REDACTED}", value)
    value = _IN_DATA.sub(_redacted_pair, value)
    words = {word.lower() for word in _WORD.findall(name)}
    return _without_random(value, hex_is_fine=bool(words & _IDENTIFIER_WORDS))


def redact_drawn(text: str, hint: str = "") -> str:
    """A text without what can only be a secret by its form: keys, tokens, long random texts.

    Args:
        text: Any text; prose and code stay.
        hint: Names of what it has to do with; `run_id`, `commit` and the like say that hexadecimal
            is no secret.
    """
    if _KEY_BLOCK.search(text):
        return REDACTED
    text = _HOOK.sub(lambda match: f"{match[1]}{REDACTED}", _KNOWN_FORMS.sub(REDACTED, text))
    hex_is_fine = bool({word.lower() for word in _WORD.findall(hint)} & _IDENTIFIER_WORDS)
    pieces = _DATA.split(text)
    pieces[::2] = [_without_random(piece, hex_is_fine=hex_is_fine) for piece in pieces[::2]]
    return "".join(pieces)


def redact_urls(text: str) -> str:
    """A text whose URLs have no user, password, signature and secret query; `{placeholders}` stay."""

    def redacted(match: "re.Match[str]") -> str:
        user = match[2].rpartition("@")[0]
        held = [value for _, _, value in _QUERY_PAIR.findall(match[4] or "")]
        if match[1].lower() in _SCHEMES_OF_BOXES and ":" not in user:
            return match[0]
        if "{" in match[0] and all(_PLACEHOLDERS.fullmatch(each) for each in (user, *held)):
            return match[0]
        return _redacted_url(match)

    return _URL.sub(redacted, text) if "://" in text else text


def redact_arguments(arguments: Sequence[str]) -> list[str]:
    """A command line without the secrets in it; as many arguments as were given.

    Known are `--name value`, `--name=value`, `name=value`, `name: value`, JSON, URLs, and values that
    look like secrets wherever they stand. An option of one letter says nothing about its value.
    """
    redacted: list[str] = []
    waiting = ""
    for argument in arguments:
        name, waiting = waiting, ""
        if _FLAG.fullmatch(argument):
            # A flag has no value when another one follows.
            waiting = argument
            redacted.append(_without_random(_KNOWN_FORMS.sub(REDACTED, argument), hex_is_fine=True))
        elif (
            not name
            and (assigned := _ASSIGNED.fullmatch(argument))
            and not argument[len(assigned[1]) :].startswith("://")
        ):
            redacted.append(f"{assigned[1]}{assigned[2]}{redact_value(assigned[3], assigned[1])}")
        else:
            redacted.append(redact_value(argument, name))
    return redacted


def strip_user_info(url: str) -> str:
    """A URL, or Git's `user@host:path`, without user, password, query and fragment.

    The account `git` of `ssh://git@host/...` and `git@host:...` stays: it is no secret, and the URL
    is of no use without it.
    """
    scheme, separator, rest = url.partition("://")
    if separator:
        authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
        user, at, _ = authority.rpartition("@")
        if at:
            rest = rest[len(user) + 1 :]
        elif "@" in rest and not authority.rpartition(":")[2].isdecimal() and ":" in authority:
            # No port: it is the beginning of a password that holds a slash which nobody has quoted.
            rest = rest.rpartition("@")[2]
        kept = "git@" if user == "git" and "ssh" in scheme.lower() else ""
        return _KNOWN_FORMS.sub(REDACTED, f"{scheme}://{kept}{re.split(r'[?#]', rest, maxsplit=1)[0]}")
    if (match := _SCP.fullmatch(url)) is not None:
        user = match[1]
        return f"git@{match[2]}:{match[3]}" if user == "git" else f"{match[2]}:{match[3]}"
    return _KNOWN_FORMS.sub(REDACTED, url)


def _may_be_secret_name(name: str) -> bool:
    """Whether a name may be one: `my_token` is, unless its value is ordinary; `cls_token` is not."""
    words = [word.lower() for word in _WORD.findall(name)]
    return (
        len(words) > 1
        and words[-1] == "token"
        and words[0] not in _COUNTED
        and words[-2] not in _ORDINARY_BEFORE_TOKEN
    )


def _is_ordinary(value: str) -> bool:
    return bool(_NUMBER.fullmatch(value) or _SPECIAL_TOKEN.fullmatch(value))


def _redacted_url(match: "re.Match[str]") -> str:
    scheme, authority, path = match[1], match[2], match[3] or ""
    query, fragment = match[4] or "", match[5] or ""
    user, at, host = authority.rpartition("@")
    kept = "git@" if at and user == "git" else f"{REDACTED}@" if at else ""
    query = f"?{REDACTED}" if _SIGNED.search(query) else _QUERY_PAIR.sub(_redacted_query_pair, query)
    fragment = _QUERY_PAIR.sub(_redacted_query_pair, fragment.replace("#", "?", 1)).replace("?", "#", 1)
    return f"{scheme}://{kept}{host}{path}{query}{fragment}"


def _redacted_query_pair(match: "re.Match[str]") -> str:
    name, value = match[2], match[3]
    is_secret = name.lower() in _SECRET_IN_QUERY or is_secret_name(name)
    return f"{match[1]}{name}={REDACTED if is_secret and value else value}"


def _redacted_pair(match: "re.Match[str]") -> str:
    quote, name, between, value = match[1], match[2], match[3], match[4]
    bare = value.strip("'\"")
    if not is_secret_name(name) or _HARMLESS.fullmatch(bare):
        return match[0]
    mark = value[0] if value[0] in "'\"" else ""
    return f"{quote}{name}{quote}{between}{mark}{REDACTED}{mark}"


def _without_random(value: str, *, hex_is_fine: bool) -> str:
    def judge(match: "re.Match[str]") -> str:
        text = match[0]
        if "/" in text and (text.count("/") > 1 or not _is_random(text)):
            # A path is judged by its parts; ids in hexadecimal are what paths are made of.
            return "/".join(REDACTED if _is_random(part) else part for part in text.split("/"))
        if _is_random(text):
            return REDACTED
        if not hex_is_fine and any(_is_hex_secret(piece) for piece in _PIECE.findall(text)):
            return REDACTED if "/" not in text else text
        return text

    def judge_key(match: "re.Match[str]") -> str:
        kinds, changes = _changes(re.sub(r"[/+]", "", match[0]))
        return REDACTED if len(kinds) == 3 and changes >= 8 else match[0]

    return _LONG.sub(judge, _AWS_SECRET.sub(judge_key, value))


def _is_hex_secret(piece: str) -> bool:
    return (
        len(piece) in (32, 40, 48, 56, 64, 96, 128)
        and bool(_HEX.fullmatch(piece))
        and len(set(piece)) > 6
        and not piece.isdigit()
    )


def _is_random(text: str) -> bool:
    """Whether a text was drawn rather than written: its letters change their kind all the time."""
    for piece in re.findall(r"[A-Za-z0-9+]+", text):
        if len(piece) < 16 or _HEX.fullmatch(piece):
            continue
        kinds, changes = _changes(piece)
        if len(kinds) == 3 and changes >= len(piece) * 0.25:
            return True
        if "digit" in kinds and len(piece) >= 20 and changes >= len(piece) * 0.3:
            return True
    # Random text whose pieces are cut short by - and _, as in URL-safe base64.
    joined = re.sub(r"[-_=+/]", "", text)
    kinds, changes = _changes(joined)
    return len(text) >= 32 and len(kinds) == 3 and changes >= len(joined) * 0.3


def _changes(text: str) -> tuple[set[str], int]:
    """The kinds of the letters of a text, and how often they change; a Capital is no change."""
    kinds = ["digit" if each.isdigit() else "upper" if each.isupper() else "lower" for each in text]
    return set(kinds), sum(a != b and (a, b) != ("upper", "lower") for a, b in pairwise(kinds))
