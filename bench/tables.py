# SPDX-License-Identifier: Apache-2.0
"""What was measured: tables of cells, each with one value a round."""

import statistics

KIB, MIB, GIB = 2**10, 2**20, 2**30


class Table:
    """cells[row][column] holds a value for each round. Where rows stand for numbers, x has them."""

    def __init__(self, name, title, columns, corner="", note=""):
        self.name = name
        self.title = title
        self.columns = columns  # name: digits behind the point
        self.corner = corner  # what the rows are
        self.note = note
        self.cells = {}
        self.x = {}

    def add(self, row, x=None, **values):
        """One round's value of some columns; names have underscores for spaces."""
        for column, value in values.items():
            self.put(row, column.replace("_", " "), value, x)

    def put(self, row, column, value, x=None):
        assert column in self.columns, column
        self.cells.setdefault(row, {}).setdefault(column, []).append(float(f"{value:.6g}"))
        if x is not None:
            self.x[row] = x

    def median(self, row, column):
        """None where it was not measured."""
        values = self.cells.get(row, {}).get(column)
        return statistics.median(values) if values else None

    def series(self, column):
        """(x, median, least, most) of each row that has the column."""
        return [(x, self.median(row, column), min(self.cells[row][column]),
                 max(self.cells[row][column]))
                for row, x in self.x.items() if column in self.cells[row]]

    def as_json(self):
        rows = {row: {column: {"median": statistics.median(values), "min": min(values),
                               "max": max(values), "values": values}
                      for column, values in cells.items()}
                for row, cells in self.cells.items()}
        return {"title": self.title, "columns": self.columns, "corner": self.corner,
                "note": self.note, "x": self.x, "rows": rows}

    @classmethod
    def from_json(cls, name, data):
        table = cls(name, data["title"], data["columns"], data["corner"], data["note"])
        table.x = data["x"]
        table.cells = {row: {column: cell["values"] for column, cell in cells.items()}
                       for row, cells in data["rows"].items()}
        return table

    def markdown(self):
        lines = [f"## {self.title}", ""]
        if self.note:
            lines += [self.note, ""]
        lines += markdown_rows([self.corner, *self.columns],
                               [[row, *(self._cell(row, column) for column in self.columns)]
                                for row in self.cells])
        return "\n".join(lines) + "\n"

    def _cell(self, row, column):
        values = self.cells[row].get(column)
        if not values:
            return ""
        digits = self.columns[column]
        middle = f"{statistics.median(values):,.{digits}f}"
        if len(values) == 1:
            return middle
        return f"{middle} ({min(values):,.{digits}f}..{max(values):,.{digits}f})"


def markdown_rows(head, rows):
    return ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head),
            *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)]


def size_text(n):
    for unit, name in [(GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")]:
        if n >= unit:
            return f"{n / unit:g} {name}"
    return f"{n} bytes"
