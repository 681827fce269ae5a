"""How `trackside dataset` says the way a table's file is read and what its columns are."""

import argparse

from trackside.client.client import Json, given

ESCAPED = {"\\t": "\t", "tab": "\t"}


def options(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(wrong=parser.error)
    told = parser.add_argument_group("tables", "what is not said is found out from the file")
    told.add_argument("--delimiter", default="", help="one character, or tab")
    told.add_argument("--encoding", default="", help="such as utf-8 or latin-1")
    told.add_argument("--header", choices=["yes", "no"], default="", help="names in the first row")
    told.add_argument("--sheet", default="", help="of an xlsx")
    told.add_argument(
        "--missing", action="append", default=[], metavar="TEXT", help="means a missing value"
    )
    told.add_argument(
        "--type",
        action="append",
        default=[],
        metavar="COLUMN=TYPE",
        help="text, integer, number, boolean, date or datetime; may be repeated",
    )


def read(args: argparse.Namespace) -> Json:
    """The API's `read`."""
    told: Json = given(
        {
            "delimiter": ESCAPED.get(args.delimiter, args.delimiter),
            "encoding": args.encoding,
            "sheet": args.sheet,
        }
    )
    if args.header:
        told["header"] = args.header == "yes"
    if args.missing:
        told["missing"] = {"*": list(dict.fromkeys(["", *args.missing]))}
    return told


def types(args: argparse.Namespace) -> Json:
    """The API's `types`; a column's own name may hold a =."""
    pairs = [one.rpartition("=") for one in args.type]
    for (column, _, kind), one in zip(pairs, args.type, strict=True):
        if not column or not kind:
            args.wrong(f"--type wants COLUMN=TYPE, not {one!r}")
    return {column: kind for column, _, kind in pairs}
