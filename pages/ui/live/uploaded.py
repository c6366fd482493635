"""The file that a tab has uploaded: its bytes, how they are to be read, and the table in them."""

from __future__ import annotations

from dataclasses import dataclass

from nndl_core.data.table.file import Form
from nndl_core.data.table.reading import Table
from nndl_core.data.table.sheet import is_workbook, sheet_names
from nndl_core.data.table.text import TableError


@dataclass
class Uploaded:
    """Hold a file with the form somebody wants it read in; table is None where it cannot be.

    sheets: of a workbook, so that another can be chosen where one holds no table.
    """

    content: bytes
    name: str
    form: Form
    table: Table | None = None
    error: TableError | None = None
    sheets: tuple[str, ...] = ()

    @classmethod
    def of(cls, content: bytes, name: str) -> Uploaded:
        """Read a file with everything found by itself."""
        file = cls(content, name, Form())
        file.read(Form())
        return file

    def read(self, form: Form) -> None:
        """Read the file in another form; what cannot be read leaves an error and no table."""
        self.form = form
        try:
            self.table, self.error = Table.of(self.content, self.name, form), None
        except TableError as error:
            self.table, self.error = None, error
            if not self.sheets and is_workbook(self.content):
                self.sheets = sheet_names(self.content)
        else:
            self.sheets = self.table.grid.sheets
