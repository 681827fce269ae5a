"""What is wrong with a table, a sentence each, and no more of them than somebody reads."""

from recipes.data.sandbox import Line

MOST = 1000
MOST_OF_A_COLUMN = 20


class Problems:
    """Keeps the first thousand and counts the rest."""

    def __init__(self, unit: str = "line") -> None:
        self.kept: list[Line] = []
        self.left_out = 0  # rows
        self._unit = unit
        self._more = 0
        self._of_column: dict[str, int] = {}

    def add(self, where: str, what: str) -> None:
        if len(self.kept) >= MOST:
            self._more += 1
            return
        kept = {"where": where[:400], "what": what[:400], "number": None}
        self.kept.append({name: _clean(told) for name, told in kept.items()})

    def row(self, line: int, what: str) -> None:
        """A row that is left out."""
        self.left_out += 1
        self.add(f"{self._unit} {line}", f"{what} The {self._unit} is left out.")

    def value(self, line: int, column: str, what: str) -> None:
        """A value that is taken as missing; the first ones of a column are told."""
        self._of_column[column] = self._of_column.get(column, 0) + 1
        if self._of_column[column] <= MOST_OF_A_COLUMN:
            self.add(f"{self._unit} {line}", what)

    def room(self, column: str) -> int:
        """How many more values of the column are told one by one."""
        return max(0, MOST_OF_A_COLUMN - self._of_column.get(column, 0))

    def more_values(self, column: str, count: int) -> None:
        """Values that are only counted."""
        if count:
            self._of_column[column] = self._of_column.get(column, 0) + count

    def all(self) -> list[Line]:
        """With a line for what was only counted."""
        for column, count in self._of_column.items():
            if count > MOST_OF_A_COLUMN:
                more = count - MOST_OF_A_COLUMN
                said = f"{more:,} more values do not fit and are missing: {count:,} in all."
                self.add(f"column {column}", said)
        self._of_column.clear()
        if not self._more:
            return self.kept
        rest = {"where": "the file", "what": f"{self._more:,} more problems.", "number": None}
        return [*self.kept, rest]


def _clean(told: str | None) -> str | None:
    """A database takes no NUL."""
    return told.replace("\0", "") if told else told
