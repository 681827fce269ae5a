"""What a person's query may be: one statement that reads. Light.

The database keeps it too, by a transaction that is read-only; this is for the sentence, and for
what such a transaction lets pass.
"""

from __future__ import annotations

import re

from recipes.sql.access import Trouble

LONGEST = 100_000  # characters
BEGINS = ("SELECT", "WITH", "VALUES", "TABLE")
PIECE = re.compile(
    r"""
    (?P<comment> --[^\n]* | \#[^\n]* | /\*.*?(?:\*/|\Z) )
  | (?P<quoted> '(?:[^'\\]|''|\\.)*(?:'|\Z) | "(?:[^"\\]|""|\\.)*(?:"|\Z) | `[^`]*(?:`|\Z) )
  | (?P<dollars> \$(?P<tag>[A-Za-z_]\w*|)\$.*?(?:\$(?P=tag)\$|\Z) )
  | (?P<word> [^\W\d]\w* )
  | (?P<end> ; )
  | (?P<other> \d\w* | \s+ | . )
    """,
    re.VERBOSE | re.DOTALL,
)
RUNS = re.compile(r"/\*M?!", re.IGNORECASE)  # MySQL runs what stands in such a comment
# What is a comment or a quote differs between databases: these words may stand nowhere in MySQL,
# whose read-only transactions let them pass.
WRITES = re.compile(r"(?<![\w$])(OUTFILE|DUMPFILE)(?![\w$])", re.IGNORECASE)


def checked(query: str, kind: str = "mysql") -> str:
    """The query without a semicolon at its end, for a database of this kind. Raises Trouble."""
    query = query.strip()
    if not query:
        raise Trouble("The query is empty. Write one SELECT.")
    if len(query) > LONGEST:
        raise Trouble(f"The query has more than {LONGEST:,} characters.")
    if "\0" in query:
        raise Trouble("The query has a character in it that no database takes.")
    words, end = _words(query)
    if not words or words[0] not in BEGINS:
        said = f"It begins with {words[0]}. " if words else ""
        raise Trouble(f"Only a query that reads is run. {said}Write one SELECT.")
    if kind == "mysql" and (WRITES.search(query) or RUNS.search(query)):
        raise Trouble(
            "A query that writes a file is not run: neither OUTFILE, DUMPFILE nor a comment that "
            "runs may stand in it, quoted neither."
        )
    return query[:end].rstrip()


def _words(query: str) -> tuple[list[str], int]:
    """Its words in capitals, without what is quoted or a comment, and where it ends."""
    words: list[str] = []
    end = len(query)
    for piece in PIECE.finditer(query):
        over = piece.start() > end
        if piece.lastgroup == "end" and not over:
            end = min(end, piece.start())
        elif over and piece["comment"] is None and not piece[0].isspace():
            raise Trouble("The query is more than one statement. Write one SELECT.")
        elif piece["word"]:
            words.append(piece["word"].upper())
    return words, end
