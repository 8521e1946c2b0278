"""Printed text without the secrets in it."""

import random
from time import process_time

import pytest

from nbtrack.core.text_secrets import redact_text


@pytest.mark.parametrize(
    ("printed", "kept"),
    [
        ("password: hunter2", "password: [redacted]"),
        ("{'api_key': 'abc 12345', 'lr': 0.1}", "{'api_key': '[redacted]', 'lr': 0.1}"),
        ('{"client_secret": "x1", "n": 3}', '{"client_secret": "[redacted]", "n": 3}'),
        ("GET / Authorization: Basic dXNlcjpw", "GET / Authorization: [redacted]"),
        ("curl --password hunter2 --lr 3", "curl --password [redacted] --lr 3"),
        ("postgres://me:pw@host/db", "postgres://[redacted]@host/db"),
        ("logged in with hf_" + "abcDEF123" * 4, "logged in with [redacted]"),
        ("x\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\ny", "x\n[redacted]\ny"),
    ],
)
def test_secrets_are_replaced(printed: str, kept: str) -> None:
    assert redact_text(printed) == kept


@pytest.mark.parametrize(
    "text",
    [
        "token: The next word",
        "num_tokens=500 tokens/s 12.5",
        "cls_token: [CLS] pad_token: [PAD]",
        "passed: 12, key: value",
        "commit 2fd4e1c67a2d28fced849ee1bb76e7391b93eb12",
        "run 0123456789abcdef0123456789abcdef",
        "100%|====================| 5/5 [00:00<00:00]",
        "author: me, keyword: you",
    ],
)
def test_what_only_resembles_one_stays(text: str) -> None:
    assert redact_text(text) == text


def test_known_values_are_replaced_wherever_they_stand_unless_they_are_words() -> None:
    assert redact_text("<S3cretPassw0rd> in production", ["S3cretPassw0rd", "production"]) == (
        "<[redacted]> in production"
    )


def test_thousands_of_lines_that_may_hold_one_is_no_wait() -> None:
    lines = (f"{i} tokens/s {random.random()} train_perplexity_validation_loss={i / 7}" for i in range(8_000))
    text = "\n".join(lines)

    began = process_time()
    kept = redact_text(text)

    assert kept == text
    assert process_time() - began < 5
