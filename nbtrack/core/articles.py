"""The article before a word that a message names, such as the type of what was given."""


def with_article(word: str) -> str:
    """`an object`, `a list`: by the first letter."""
    return f"an {word}" if word[:1] in tuple("AEIOUaeiou") else f"a {word}"
