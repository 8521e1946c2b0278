"""Secrets in the code of cells: what must not be kept, and what must stay as it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.core.code_secrets import redact_code
from nbtrack.core.secrets import REDACTED

RANDOM = "kJ8s2LqP0vXz7RtB4nWm1YcD6fGh3AeU"
HEX = "3f2a9c8b7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a"
BIRDS = ("canary", RANDOM, HEX, "IOSFODNN7", "12345678")

SECRETS = [
    'password = "canary"',
    'api_key: str = "canary"',
    'cfg.password = "canary"',
    'os.environ["OPENAI_API_KEY"] = "canary"',
    'user, password = "ada", "canary"',
    '(user, password) = ("ada", "canary")',
    'login(user="ada", password="canary")',
    'x = {"api_key": "canary", "lr": 1}',
    'api_keys = ["canary", "b"]',
    'if a: password = "canary"',
    'with open(x) as f: password = "canary"',
    'def f(password="canary"): pass',
    'def f(a: int, password: str = "canary"): pass',
    'password = b"canary"',
    'password = """canary\nmore\n"""',
    'password = os.environ.get("DB", "x") or "canary"',
    'os.environ.setdefault("API_KEY", "canary")',
    'a = password = "canary"',
    'password += "canary"',
    'if (password := "canary"): pass',
    'password = "canary" if x else "y"',
    'headers = {"Authorization": "Bearer canary0000"}',
    'requests.get(u, headers={"X-Api-Key": "canary"})',
    'auth = ("ada", "canary")',
    'requests.get(u, auth=("ada", "canary"))',
    f'x = "{RANDOM}"',
    f'f("{RANDOM}")',
    f'wandb.login(key="{HEX}")',
    f'wandb.login("{HEX}")',
    f"# old: ghp_{RANDOM}",
    '# password = "canary"',
    'url = "postgresql://ada:canary@db/x"',
    "%env API_KEY=canary",
    "%env API_KEY canary",
    '!curl -H "Authorization: Bearer canary0000" x',
    "!export HF_TOKEN=canary",
    "!tool --api-key canary",
    "x = !tool --api-key canary",
    "%%bash\nexport PASSWORD=canary",
    "%%writefile .env\nAPI_KEY=canary\n",
    '%%writefile a.py\npassword = "canary"',
    "%%track -p api_key=canary\nx=1",
    '%%time\n%%track\npassword = "canary"',
    'password = (\n    "canary"\n)',
    'password = \\\n  "canary"',
    'password = "canary',
    'x = (\npassword = "canary"',
    'class A:\n    password: str = "canary"',
    'parser.add_argument("--password", default="canary")',
    'secret = f"canary{x}"',
    "password = 12345678",
    "d = dict(user='a', password='canary')",
    'credentials = {"user": "ada", "code": "canary"}',
    'text = """\napi_key: canary1\n"""',
    'x = "AKIAIOSFODNN7EXAMPLE"',
    'print("it\'s"); password = "canary"',
    "!echo don't --password canary\ny = 1",
    '?x\npassword="canary"',
    '%time password = "canary"',
    "password = r'canary'",
    "d['a']['password'] = 'canary'",
    'token = "canary-0001"',
    'hf_token="canary"',
    'x = """-----BEGIN RSA PRIVATE KEY-----\nMIIcanary\n-----END RSA PRIVATE KEY-----"""',
    'lambda password="canary": 1',
    'match x:\n    case 1: password = "canary"',
    'await login(password="canary")',
    '@retry(password="canary")\ndef f(): pass',
    "if x:\n\tpassword = 'canary'\n",
    "password = {'a': {'b': 'canary'}}",
    "f(a)(password='canary')",
    "x[0](1, token=('canary1'))",
    'df["password"] = ["canary"]',
    'conn = "host=x user=y password=canary"',
    'u = "https://h/x?api_key=canary&a={b}"',
]

ORDINARY = [
    'password = getpass("Password: ")',
    'password = input("pw")',
    'password = os.environ["DB_PASSWORD"]',
    'token = os.getenv("HF_TOKEN")',
    'for token in ["the", "a"]: print(token)',
    'if token == "the": pass',
    'token = "[CLS]"',
    'tokens = ["a", "b"]',
    'tokenizer = AutoTokenizer.from_pretrained("bert-base-uncased")',
    'df[["token", "label"]]',
    'df["token"].map({"a": 1})',
    'headers = {"Authorization": f"Bearer {token}"}',
    'url = f"postgresql://{user}:{password}@{host}/db"',
    'client.get_run("3f2a9c8b7d6e5f4a3b2c1d0e9f8a7b6c")',
    'model = load_model("runs:/3f2a9c8b7d6e5f4a3b2c1d0e9f8a7b6c/model")',
    'run_id = "3f2a9c8b7d6e5f4a3b2c1d0e9f8a7b6c"',
    'sha256 = "3f2a9c8b7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a"',
    "# Basic statistics of the tokens",
    '"""Embed.\n\nArgs:\n    token: The token to embed.\n    password: str\n"""',
    "# token: str",
    'x = password == "canary"',
    "%nbtrack show 3f2a9c8b7d6e5f4a3b2c1d0e9f8a7b6c",
    "%%track --resume 3f2a9c8b7d6e5f4a3b2c1d0e9f8a7b6c\nx = 1",
    'print(f"token={token}")',
    'print("password:", password)',
    "max_tokens = 512",
    "pad_token_id = 50256",
    'pad_token = "<pad>"',
    "api_key = None",
    'api_key = ""',
    'api_key = load("creds.json")["key"]',
    'f(key="value")',
    'd = {"key": "value", "token_count": 5}',
    'import os\nkey = "loss"',
    "from transformers import AutoModelForSequenceClassification",
    's = "the quick brown fox"*3',
    'x = """\nBasic research into token embeddings\n"""',
    "!pip install git+https://github.com/a/b.git@3f2a9c8b7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a",
    "# ------------------------------------------------",
    'plt.title("AUC = 0.95: passing")',
    'password_field.label("Password")',
    'assert token in ("a", "b")',
    'x = d["api_key"]["b"]',
    "key = jax.random.PRNGKey(0)",
    "get_secret('prod/db')",
    "x = y if password else 'none'",
    'a = "%s:%s" % (user, password)',
    'url = f"https://h/x?api_key={api_key}"',
    'cookie_jar = CookieJar(policy="default")',
    '"token %s" % x',
    'secrets.choice(["a", "b"])',
    "np.random.seed(12345678)",
    'print("Secret: ", 1)',
    'df.columns = ["author", "passenger_id", "survived"]',
    'model.load_state_dict(torch.load("checkpoints/epoch-10-valloss-0.1234.pt"))',
    "use_auth_token=True",
    'x = "token" in df.columns',
]


@pytest.mark.parametrize("source", SECRETS)
def test_no_canary_sings_in_code(source: str) -> None:
    redacted, names = redact_code(source)

    assert not any(bird in redacted for bird in BIRDS)
    assert REDACTED in redacted
    assert names
    assert redacted.count("\n") == source.count("\n")
    assert redact_code(redacted)[0] == redacted


@pytest.mark.parametrize("source", ORDINARY)
def test_ordinary_code_stays_as_it_is(source: str) -> None:
    assert redact_code(source) == (source, ())


def test_both_parts_of_a_text_are_taken() -> None:
    redacted, names = redact_code('password = ("can" "ary")\nlr = 0.1')

    assert redacted == f'password = ("{REDACTED}" "{REDACTED}")\nlr = 0.1'
    assert names == ("password",)


def test_what_has_no_name_is_named_by_its_line() -> None:
    redacted, names = redact_code(f'lr = 0.1\n\nconnect("{RANDOM}", lr)  # as ever')

    assert redacted == f'lr = 0.1\n\nconnect("{REDACTED}", lr)  # as ever'
    assert names == ("line 3",)


def test_everything_around_a_secret_stays_byte_for_byte() -> None:
    before = "# déjà vu \t\r\nx = 'it''s' \\\n  + f\"{a['b']}\"\n%matplotlib inline\n!ls \"open\n"
    after = "\n\n  def broken(:\n\tpass  # end"

    redacted, _ = redact_code(f"{before}api_key = 'canary'{after}")

    assert redacted == f"{before}api_key = '{REDACTED}'{after}"


PIECES = [*"ab_1=:,.([{}])'\"#%!\\\n \t\r", "password", "key", "f'", '"""', RANDOM]


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_any_text_keeps_its_lines(text: str) -> None:
    redacted, names = redact_code(text)

    assert redacted.count("\n") == text.count("\n")
    assert (redacted == text) == (not names)


def test_a_picture_in_the_code_stays_and_takes_no_time() -> None:
    source = f"picture = '{'iVBORw0KGgo5' * 100_000}'\npassword = 'canary'"

    redacted, names = redact_code(source)

    assert redacted == source.replace("canary", REDACTED)
    assert names == ("password",)
