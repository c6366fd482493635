"""The evidence of a finding as HTML: numbers beside their limits, and the first one over time."""

from __future__ import annotations

import math
from base64 import b64encode
from html import escape

from nndl_core.base.i18n import mark, tr
from nndl_core.diagnosis.facts import Evidence, Facts, Finding
from nndl_core.diagnosis.rules import traced
from pages.ui.widgets.number_table import table

TIGHT = """<style>.tight .numbers th, .tight .numbers td { white-space: normal;
  padding: 0.2rem 0.4rem; } .tight .numbers td b { white-space: nowrap; }
.tight .sick { color: light-dark(#ad4d00, #f5a35c); }
.tight .sound { color: light-dark(#2a62a3, #7db4ef); }</style>"""
WIDTH, HEIGHT, POINTS = 400, 64, 100
SICK, SOUND = "#d9731a", "#2f6fb5"
"""Of the curve: orange where the disease is, blue where it is not; readable on light and dark."""


SICK_IF = {"above": mark("above {limit}"), "below": mark("below {limit}")}


def evidence_table(run: Facts, finding: Finding) -> str:
    """Build the table: what was measured, the run's number and the limit."""
    rows = [[escape(tr(e.quantity)), _colored(e), _limit(e)] for e in finding.evidence]
    inner = table([tr("Evidence"), tr("this run"), tr("sick if")], rows)
    return f'{TIGHT}<div class="tight">{inner}</div>'


def _limit(shown: Evidence) -> str:
    if not math.isfinite(shown.limit):
        return tr("not finite")
    return (
        tr("exactly 0") if shown.limit == 0 else tr(SICK_IF[shown.sick], limit=_number(shown.limit))
    )


def _colored(shown: Evidence) -> str:
    sick = shown.value >= shown.limit if shown.sick == "above" else shown.value <= shown.limit
    return f'<b class="{"sick" if sick else "sound"}">{_number(shown.value)}</b>'


def _number(value: float) -> str:
    if not math.isfinite(value):
        return tr("not finite")
    return tr("exactly 0") if value == 0 else f"{value:.3g}"


def evidence_curve(run: Facts, finding: Finding) -> str:
    """Draw the first evidence over the epochs, its limit dashed and the verdict's epoch marked."""
    shown = finding.evidence[0]
    values: list[float] = traced(run, finding).tolist()
    finite = [v for v in values if math.isfinite(v)]
    if len(finite) < 2 or not math.isfinite(shown.limit):
        return ""
    log = min([*finite, shown.limit]) > 0 and max(finite) > 30 * min(finite)
    scale = math.log10 if log else float
    low = min(scale(v) for v in [*finite, shown.limit])
    high = max(scale(v) for v in [*finite, shown.limit])

    def y(value: float) -> float:
        place = (scale(value) - low) / ((high - low) or 1.0) if math.isfinite(value) else 1.0
        return round(HEIGHT - 5 - place * (HEIGHT - 10), 1)

    last = len(values) - 1
    picked = sorted({round(i * last / (POINTS - 1)) for i in range(POINTS)})
    points = " ".join(f"{WIDTH * i / last:.1f},{y(values[i])}" for i in picked)
    at = min(finding.epoch, last)
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-5 0 {WIDTH + 10} {HEIGHT}">'
        f'<line x1="0" x2="{WIDTH}" y1="{y(shown.limit)}" y2="{y(shown.limit)}" stroke="#7d8793" '
        f'stroke-dasharray="5 4"/><polyline points="{points}" fill="none" stroke="{SOUND}" '
        f'stroke-width="2"/><circle cx="{WIDTH * at / last:.1f}" cy="{y(values[at])}" r="4" '
        f'fill="{SICK}"/></svg>'
    )
    words = tr(
        "{quantity}, epoch 0 to {last}; dashed: the limit; dot: epoch {at}",
        quantity=tr(shown.quantity),
        last=last,
        at=at,
    )
    scaled = tr(", logarithmic") if log else ""
    return (
        f'<figure style="margin:0"><img alt="{escape(words)}" style="width:100%;max-width:420px" '
        f'src="data:image/svg+xml;base64,{b64encode(picture.encode()).decode()}"/>'
        f'<figcaption style="font-size:0.8rem;opacity:0.75">{escape(words + scaled)}</figcaption>'
        "</figure>"
    )
