"""JSON that somebody else wrote: its value, or in a few words why it has none."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from nndl_core.base.i18n import tr


class JsonError(ValueError):
    """A text that is not JSON; the words say why, to stand after a colon."""


def parsed(content: str | bytes) -> Any:
    """Return the value of a JSON text; raise JsonError for anything else.

    An object that names a key twice is refused: which of the values was meant, nobody knows.
    """
    try:
        return json.loads(content, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        line, column = error.lineno, error.colno
        why = tr("something is wrong at line {line}, column {column}", line=line, column=column)
    except RecursionError:
        why = tr("it is nested too deeply")
    except UnicodeDecodeError:
        why = tr("it is not UTF-8 text")
    except JsonError:
        raise
    except ValueError:  # Python reads no integer of more than 4300 digits
        why = tr("it holds a number of too many digits")
    raise JsonError(why) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = Counter(name for name, _ in pairs)
        twice = names.most_common(1)[0][0][:40]
        shown = "".join(sign if sign.isprintable() else "?" for sign in twice)
        raise JsonError(tr('the name "{name}" occurs twice in one object', name=shown))
    return made
