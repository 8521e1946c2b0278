"""Signatures in words."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbtrack.core.signature_fields import SignatureField, brief_signature, signature_fields
from nbtrack.models.signature import infer_signature

FLOWERS = pd.DataFrame(
    {"length": [1.0], "kind": ["setosa"], "sizes": [[1, 2]], "more": [{"x": 1, "y": [2.0]}]}
)
SIGNATURE = infer_signature(FLOWERS, np.array([1]), {"temperature": 0.5, "stop": ["a"]}).to_dict()


def test_a_signature_is_told_field_by_field() -> None:
    told = [(field.part, field.name, field.words) for field in signature_fields(SIGNATURE)]

    assert told == [
        ("input", "length", "double"),
        ("input", "kind", "string"),
        ("input", "sizes", "array(long)"),
        ("input", "more", "object(x: long, y: array(double))"),
        ("output", "(0)", "tensor(int64, (-1,))"),
        ("param", "temperature", "double = 0.5"),
        ("param", "stop", 'string[] = ["a"]'),
    ]


@pytest.mark.parametrize("entry", [{"required": False}, {"optional": True}])
def test_a_column_that_may_be_missing_says_so_also_in_the_words_of_old_mlflow(entry: dict[str, bool]) -> None:
    (field,) = signature_fields({"inputs": json.dumps([{"name": "a", "type": "long", **entry}])})

    assert field.words == "long (optional)"


@pytest.mark.parametrize(
    ("signature", "words"),
    [
        (SIGNATURE, "4 inputs → tensor(int64, (-1,)), 2 params"),
        ({"inputs": '[{"name": "a", "type": "long"}]'}, "a: long"),
        ({"inputs": None, "outputs": None, "params": None}, ""),
        ({}, ""),
        (None, ""),
    ],
)
def test_a_signature_is_told_in_one_line(signature: Any, words: str) -> None:
    assert brief_signature(signature) == words


@pytest.mark.parametrize(
    "text",
    ["", "[", "3", '"a"', "null", "[1, null, [], {}]", '[{"type": "tensor"}]', "[" * 5000 + "]" * 5000],
)
def test_a_signature_that_is_none_is_shown_as_it_stands(text: str) -> None:
    fields = signature_fields({"inputs": text, "outputs": text, "params": text})

    assert all(isinstance(field, SignatureField) for field in fields)
    assert isinstance(brief_signature({"inputs": text}), str)


def test_a_type_that_is_nested_without_end_is_cut() -> None:
    kind: dict[str, Any] = {"type": "long"}
    for _ in range(200):
        kind = {"type": "array", "items": kind}

    (field,) = signature_fields({"inputs": json.dumps([{"name": "deep", **kind}])})

    assert field.type.startswith("array(array(")
    assert "…" in field.type
