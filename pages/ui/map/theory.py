"""What theory says of a map in words and numbers, and where the map does not do as it says."""

from __future__ import annotations

import math

import streamlit as st

from nndl_core.base.i18n import language, mark, percent, tr, trn
from nndl_core.charts.map.theory import critical_scale, has_born_dead, net_of
from nndl_core.studies.map.plan import MapPlan
from nndl_core.studies.map.trainability import HALFWAY, Agreement, CellVerdict, agreement, births
from nndl_core.studies.sweep.cells import Cell
from nndl_core.theory.mean_field import DEPTH_SCALES
from pages.ui.map.session import MapSession
from pages.ui.widgets.number_table import table

OTHER_LIMITS = {0.25: mark("a quarter"), 0.75: mark("three quarters")}
MEAN_FIELD = r"""
\chi_1 = \sigma_w^2\,\mathbb{E}\big[\varphi'(z)^2\big],\quad
\sigma_w = \mathrm{std}(w)\sqrt{n_{\mathrm{in}}},\quad
z \sim \mathcal{N}(b, q^*),\quad
q^* = \sigma_w^2\,\mathbb{E}\big[\varphi(z)^2\big]
"""
BORN_DEAD = r"P(\text{born dead}) \le 1 - \left(1 - 2^{-N}\right)^{L-1}"


def theory_section(session: MapSession) -> None:
    """Say how far theory foretells the cells that are trained so far."""
    plan = session.plan
    if plan.has("depth", "init_scale") and net_of(plan) is not None:
        _depth_rule(session)
    elif plan.has("depth", "width") and has_born_dead(plan):
        _born_dead(session)
    else:
        st.caption(
            tr(
                "No theory is drawn over this map: the depth scale needs hidden layers against the "
                "scale of random weights, the count of networks born dead hidden layers against "
                "units per layer of ReLU without biases."
            )
        )


def _depth_rule(session: MapSession) -> None:
    st.subheader(tr("What theory foretells"), anchor=False, divider="gray")
    if session.cells:
        words, others, disagreeing, rows = session.kept(
            "rule", lambda: _rule(session.cells), language()
        )
        st.markdown(words)
        st.caption(others)
        with st.expander(
            trn("The cell that does otherwise", "The {n} cells that do otherwise", disagreeing)
        ):
            st.html(rows)
    with st.expander(tr("Where the lines come from")):
        _mean_field_words(session.plan)


def _rule(cells: list[Cell]) -> tuple[str, str, int, str]:
    """Return how many cells do as the rule says, with other limits too, and those that do not."""
    found = {part: agreement(cells, part) for part in (HALFWAY, *OTHER_LIMITS)}
    half = found[HALFWAY]
    assert half is not None  # the plan has random weights, so every cell has a theory
    shares = [
        tr("at {words} of the way {share:.0%}", words=tr(words), share=one.share)
        for part, words in OTHER_LIMITS.items()
        if (one := found[part])
    ]
    others = tr(
        "Halfway needs no number that belongs to one data set. With the limit {limits}.",
        limits=", ".join(shares),
    )
    wrong = half.disagreeing
    return agreement_words(half), others, len(wrong), disagreement_table(wrong)


def agreement_words(found: Agreement) -> str:
    """Say in how many cells the rule is right, and what counts as trained."""
    return trn(
        "**{n} of {count} cells does as the rule depth ≤ {depth_scales} ξ says: "
        "{share}.** A cell counts as trained if its mean train accuracy is above "
        "{limit:.3f}, halfway between always answering the larger class ({chance:.3f}) and "
        "the best cell of this map ({best:.3f}).",
        "**{n} of {count} cells do as the rule depth ≤ {depth_scales} ξ says: "
        "{share}.** A cell counts as trained if its mean train accuracy is above "
        "{limit:.3f}, halfway between always answering the larger class ({chance:.3f}) and "
        "the best cell of this map ({best:.3f}).",
        found.agreeing,
        count=len(found.judged),
        depth_scales=DEPTH_SCALES,
        share=percent(found.share),
        limit=found.limit,
        chance=found.chance,
        best=found.best,
    )


def disagreement_table(judged: list[CellVerdict]) -> str:
    """List cells that do not do as the rule says."""
    header = (tr("hidden layers"), tr("weight scale"), "6 ξ", tr("train accuracy"), "")
    return table(header, [_row(one) for one in judged])


def _row(one: CellVerdict) -> tuple[str, ...]:
    depth = tr("infinite") if math.isinf(one.trainable_depth) else f"{one.trainable_depth:.2f}"
    does = (
        tr("trains, though too deep") if one.trains else tr("does not train, though shallow enough")
    )
    scale = f"{one.cell.config.init_scale:.4g}"
    return str(one.depth), scale, depth, f"{one.accuracy:.3f}", does


def _mean_field_words(plan: MapPlan) -> None:
    scale, unit = critical_scale(plan), net_of(plan, 1.0)
    st.markdown(
        tr(
            "In a wide random network a layer multiplies the mean square of a gradient on its "
            "way back by a factor χ₁, from the weight scale and the activation alone:"
        )
    )
    st.latex(MEAN_FIELD)
    st.markdown(
        tr(
            "Below 1 it vanishes, above 1 it explodes; the **depth scale** ξ = 1 / |ln χ₁| "
            "counts the layers for a factor e, and networks train to about {depth_scales} ξ "
            "(Poole et al. 2016; Schoenholz et al. 2017). The dashed line is χ₁ = 1.",
            depth_scales=DEPTH_SCALES,
        )
    )
    if unit is not None:
        critical = tr(", and χ₁ = 1 at the scale {scale:.4g}", scale=scale) if scale else ""
        st.markdown(
            tr(
                r"Here $\sigma_w$ is {sigma_w:.4g} times the weight scale{critical}.",
                sigma_w=unit.sigma_w,
                critical=critical,
            )
        )


def _born_dead(session: MapSession) -> None:
    st.subheader(tr("What theory foretells"), anchor=False, divider="gray")
    if session.cells:
        found = births(session.cells)
        st.markdown(
            trn(
                "**{n} of {runs} networks was born dead: {share}.** It has a layer "
                "in which no unit ever answers on the training set. The bound says at most "
                "{bound} ± {error} of them (one standard error).",
                "**{n} of {runs} networks were born dead: {share}.** They have a layer "
                "in which no unit ever answers on the training set. The bound says at most "
                "{bound} ± {error} of them (one standard error).",
                found.dead,
                runs=found.runs,
                share=percent(found.dead / found.runs),
                bound=percent(found.bound),
                error=percent(found.error),
            )
        )
    st.latex(BORN_DEAD)
    st.caption(
        tr(
            "N units in a layer, L layers of weights, zero biases, weights symmetric about 0: "
            "the probability that one given input dies on its way (Lu, Shin, Su and Karniadakis "
            "2019)."
        )
    )
