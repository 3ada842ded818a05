"""Texts from outside, as they may stand on a terminal and in one line."""


def printable(text: str) -> str:
    """The text on one line, without what could steer a terminal."""
    return "".join(character if character.isprintable() else " " for character in text)
