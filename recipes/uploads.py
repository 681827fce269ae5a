"""What the web and an import agree on about an uploaded table. Light.

TABLES are the endings of files, MISSING the texts that mean a missing value unless others are said.
"""

TABLES = ("csv", "tsv", "txt", "json", "jsonl", "ndjson", "parquet", "xlsx", "xls", "ods")
COLUMNS = 20_000  # that a table may have
TYPES = ("text", "integer", "number", "boolean", "date", "datetime")
NUMBERS = ("integer", "number")  # types whose values are more or less of something
COUNTED = 100_000  # values of a column, at most: of more nobody knows how many differ
MISSING = ("", "NA", "N/A", "NaN", "null", "NULL", "None", "?", "-")
EVERYWHERE = "*"  # in `missing`: the columns that have no texts of their own
