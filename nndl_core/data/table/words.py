"""What was found, guessed and left out in a table, as plain sentences for whoever uploaded it."""

from __future__ import annotations

from nndl_core.base.i18n import tr, trn
from nndl_core.data.catalog import MIN_SPLIT
from nndl_core.data.table.columns import MAX_FEATURES, Column, ColumnChoice
from nndl_core.data.table.file import Grid
from nndl_core.data.table.reading import FEW, Table, TableReading
from nndl_core.data.table.text import ENCODINGS, shown

MOST_NAMED = 6
"""So many columns are named in one sentence; of more the rest is counted."""


def summary(table: Table, reading: TableReading) -> str:
    """Say in one sentence what is trained on."""
    return trn(
        "{rows:,} rows, {n} feature, {classes} classes in {label}.",
        "{rows:,} rows, {n} features, {classes} classes in {label}.",
        len(reading.dataset.features),
        rows=sum(reading.sizes),
        classes=len(reading.dataset.classes),
        label=shown(table.grid.names[table.choice.label]),
    )


def notices(table: Table, reading: TableReading) -> list[str]:
    """Say what was found, guessed or left out, one sentence each, in the reader's language."""
    parts = (
        _form_words(table.grid),
        [_label_words(table)],
        _left_out_words(table),
        _row_words(reading),
        _class_words(reading),
    )
    return [sentence for part in parts for sentence in part]


def delimiter_word(delimiter: str) -> str:
    """Name what separates cells."""
    known = {
        ",": tr("comma"),
        ";": tr("semicolon"),
        "\t": tr("tab"),
        "|": tr("vertical bar"),
        " ": tr("blanks"),
    }
    return known.get(delimiter, shown(delimiter))


def why_left_out(column: Column, rows: int) -> str:
    """Say in a few words why a column is no feature by default; empty where nothing is against."""
    gaps = int(column.gaps.sum())
    if column.kind == "text":
        return tr("text: {values:,} different values", values=column.values)
    if column.kind == "date":
        return tr("dates or times")
    if column.kind == "index":
        return tr("an index: every row has another whole number")
    if column.kind == "constant":
        return tr("the same value in every row")
    if column.kind == "empty":
        return tr("no values")
    if gaps:
        return tr("{gaps:,} of {rows:,} cells are empty", gaps=gaps, rows=rows)
    return ""


def _form_words(grid: Grid) -> list[str]:
    form, count = grid.form, len(grid.names)
    said = {
        tr("The first row holds data, so the columns are named x1 to x{count}.", count=count): (
            form.header == "data"
        ),
        tr(
            "A column without a name is called by its place: {names}.",
            names=_listed([shown(grid.names[place]) for place in grid.unnamed]),
        ): bool(grid.unnamed),
        tr("The text is read as {encoding}.", encoding=ENCODINGS.get(form.encoding, "")): (
            form.encoding not in ("", "utf-8")
        ),
        tr("Numbers are read with a decimal comma."): form.decimal == ",",
        tr(
            "Sheet {sheet} is read, one of {count}.",
            sheet=shown(form.sheet),
            count=len(grid.sheets),
        ): len(grid.sheets) > 1,
    }
    return [sentence for sentence, is_so in said.items() if is_so]


def _label_words(table: Table) -> str:
    name = shown(table.grid.names[table.choice.label])
    if table.choice.rule == "name":
        return tr("The label is {name}, by its name.", name=name)
    if table.choice.rule == "last":
        return tr(
            "The label is {name}, the last column: none has a name such as label or class.",
            name=name,
        )
    if table.choice.rule == "few":
        return tr(
            "The label is {name}, a text column with few values: none has a name such as label or "
            "class, and the last column does not hold a few classes.",
            name=name,
        )
    return tr("The label is {name}, as chosen.", name=name)


def _left_out_words(table: Table) -> list[str]:
    choice, columns = table.choice, table.columns
    rows = len(table.grid.cells)
    out = [
        (column.name, why_left_out(column, rows))
        for place, column in enumerate(columns)
        if place != choice.label and place not in choice.features
    ]
    reasons = [
        tr("{name} ({why})", name=shown(name), why=why) if why else shown(name)
        for name, why in out
        if why or choice.rule != "chosen"
    ]
    if not reasons:
        return []
    sentences = [tr("Left out as features: {columns}.", columns=_listed(reasons))]
    if _is_cut(choice, columns):
        most = tr("Only the first {most} columns of numbers are features.", most=MAX_FEATURES)
        sentences.append(most)
    return sentences


def _is_cut(choice: ColumnChoice, columns: tuple[Column, ...]) -> bool:
    numbers = [i for i, c in enumerate(columns) if c.kind == "number" and i != choice.label]
    full = len(choice.features) == MAX_FEATURES and choice.rule != "chosen"
    return full and len(numbers) > MAX_FEATURES


def _row_words(reading: TableReading) -> list[str]:
    used, left_out = sum(reading.sizes), reading.rows - reading.complete
    said = {
        tr(
            "{left_out:,} of {rows:,} rows are left out: a cell of a chosen column is empty.",
            left_out=left_out,
            rows=reading.rows,
        ): left_out > 0,
        tr(
            "The data seed draws {used:,} of {complete:,} rows.",
            used=used,
            complete=reading.complete,
        ): used < reading.complete,
        tr(
            "All {rows} rows are trained on: with fewer than {least} there is no dev and no "
            "test part, and where the lab shows one, it is the same rows.",
            rows=used,
            least=MIN_SPLIT,
        ): reading.is_whole,
    }
    return [sentence for sentence, is_so in said.items() if is_so]


def _class_words(reading: TableReading) -> list[str]:
    classes = reading.dataset.classes
    present = [name for name, n in zip(classes, reading.train_sizes, strict=True) if n]
    absent = [shown(name) for name in classes if name not in present]
    sentences = []
    if len(present) == 1:
        sentences.append(
            tr(
                "Every row of the train part is of class {name}, so there is nothing to tell "
                "apart; another data seed may draw others.",
                name=shown(present[0]),
            )
        )
    elif absent:
        sentences.append(
            tr(
                "No row of the train part is of class {names}; another data seed may draw one.",
                names=_listed(absent),
            )
        )
    return sentences if reading.is_whole else [*sentences, *_few_words(reading)]


def _few_words(reading: TableReading) -> list[str]:
    sizes = zip(reading.dataset.classes, reading.sizes, strict=True)
    named = [tr("{name} ({size})", name=shown(n), size=size) for n, size in sizes if size < FEW]
    if not named:
        return []
    return [
        tr(
            "Too few rows to learn and to test a class: {classes}; a class needs at least {few}.",
            classes=_listed(named),
            few=FEW,
        )
    ]


def _listed(words: list[str]) -> str:
    named = tr(", ").join(words[:MOST_NAMED])
    if len(words) > MOST_NAMED:
        return tr("{words} and {count} more", words=named, count=len(words) - MOST_NAMED)
    return named
