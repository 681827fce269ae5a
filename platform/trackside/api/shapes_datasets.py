"""The shapes of datasets: upload, columns, rows."""

from trackside.api.shapes import ANY_OBJECT, NAME, NUMBER, TEXT, WHOLE, many, obj

NEW_DATASET = obj(
    "name file",
    name=NAME,
    file={
        "type": "string",
        "format": "binary",
        "description": "csv, csv.gz, tsv, jsonl, parquet, xlsx; zip or tar of an image folder",
    },
    kind={"type": "string", "enum": ["auto", "images", "table"], "default": "auto"},
    read={
        "type": "string",
        "description": "a table, as JSON: delimiter, encoding, header, sheet, missing",
    },
    types={"type": "string", "description": "a table, as JSON: {column: type}"},
)
NEWER_ROWS = obj(
    "file",
    file={"type": "string", "format": "binary", "description": "csv, tsv, jsonl, parquet, xlsx"},
)
CORRECT_DATASET = obj(
    closed=True,
    types={
        "type": "object",
        "description": "{column: text, integer, number, boolean, date, datetime, or auto}",
    },
    read={
        "type": "object",
        "description": "in place of all options of the last import: delimiter, encoding, header, "
        "sheet, missing",
    },
)
IMPORTING = obj("name state job", name=TEXT, state=TEXT, job={"type": ["integer", "null"]})
DATASET = obj(
    "name kind state rows classes problems",
    name=TEXT,
    kind=TEXT,
    state=TEXT,
    reason=TEXT,
    rows=WHOLE,
    columns=many(
        obj(
            "name",
            name=TEXT,
            type=TEXT,
            given={"type": "boolean", "description": "tables: a user said so"},
            missing=NUMBER,
            distinct=NUMBER,
            mean=NUMBER,
            std=NUMBER,
            min={"description": "of its type"},
            max={"description": "of its type"},
            warnings=many(TEXT),
        )
    ),
    classes=many(obj("name count", name=TEXT, count=WHOLE)),
    splits=ANY_OBJECT,
    source={
        "type": ["object", "null"],
        "description": "of what was read from a database: connection, schema and table, or query",
    },
    problems=many(obj("where what", where=TEXT, what=TEXT)),
    fingerprint=TEXT,
    job={"type": ["integer", "null"]},
)
ROWS = obj("columns rows", columns=many(TEXT), rows=many({"type": "array", "items": {}}))
