"""All cases by their id, in the order in which they are met."""

from __future__ import annotations

from nndl_core.course.bugs import evaluating, measuring, saving, starting, training
from nndl_core.course.bugs.case import BugCase

GROUPS = (starting, training, measuring, evaluating, saving)
CASES: dict[str, BugCase] = {case.id: case for group in GROUPS for case in group.CASES}
