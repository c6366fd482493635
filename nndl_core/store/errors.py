"""What can go wrong with the run history, each as one sentence for the person at the screen."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from alembic.util import CommandError
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from nndl_core.base.i18n import mark, tr

_LOG = logging.getLogger(__name__)

NOT_THERE = mark(
    "The run history does not answer at the moment. Training goes on, and runs that end "
    "meanwhile are kept and written as soon as it answers."
)


class HistoryError(Exception):
    """The run history cannot do what was asked; the text is one sentence."""


class UnavailableError(HistoryError):
    """The database does not answer, or not as it should; asking again later may help."""


class NewerSchemaError(UnavailableError):
    """The database belongs to a newer version of the lab; nothing was written to it."""


class RefusedError(HistoryError):
    """The database does not take these values, however often they are sent."""


@contextmanager
def in_sentences() -> Iterator[None]:
    """Turn what the database's driver raises into a sentence; the log gets what it said."""
    try:
        yield
    except (DataError, IntegrityError) as error:
        name = type(error.orig).__name__
        _LOG.warning("The run history refused a value: %s", name)  # untranslated
        raise RefusedError(tr("The run history cannot hold these values.")) from None
    except (SQLAlchemyError, CommandError, OSError) as error:
        # the driver's own words, which name the host and never the password
        _LOG.warning("The run history: %s", getattr(error, "orig", None) or error)  # untranslated
        raise UnavailableError(tr(NOT_THERE)) from None
