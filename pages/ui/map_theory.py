"""What theory says of a map in words and numbers, and where the map does not do as it says."""

from __future__ import annotations

import math

import streamlit as st

from nndl_core.charts.trainability_theory import critical_scale, has_born_dead, net_of
from nndl_core.map_plan import MapPlan
from nndl_core.mean_field import DEPTH_SCALES
from nndl_core.sweep import Cell
from nndl_core.trainability import HALFWAY, Agreement, Judged, agreement, births
from pages.ui.map_session import MapSession
from pages.ui.number_table import table

OTHER_LIMITS = {0.25: "a quarter", 0.75: "three quarters"}
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
            "No theory is drawn over this map: the depth scale needs hidden layers against the "
            "scale of random weights, the count of networks born dead hidden layers against units "
            "per layer of ReLU without biases."
        )


def _depth_rule(session: MapSession) -> None:
    st.subheader("What theory foretells", anchor=False, divider="gray")
    if session.cells:
        words, others, disagreeing, rows = session.kept("rule", lambda: _rule(session.cells))
        st.markdown(words)
        st.caption(others)
        with st.expander(f"The {disagreeing} cells that do otherwise"):
            st.html(rows)
    with st.expander("Where the lines come from"):
        _mean_field_words(session.plan)


def _rule(cells: list[Cell]) -> tuple[str, str, int, str]:
    """Return how many cells do as the rule says, with other limits too, and those that do not."""
    found = {part: agreement(cells, part) for part in (HALFWAY, *OTHER_LIMITS)}
    half = found[HALFWAY]
    assert half is not None  # the plan has random weights, so every cell has a theory
    shares = [
        f"{words} of the way {one.share:.0%}"
        for part, words in OTHER_LIMITS.items()
        if (one := found[part])
    ]
    others = (
        "Halfway needs no number that belongs to one data set. With the limit at "
        f"{', at '.join(shares)}."
    )
    wrong = half.disagreeing
    return agreement_words(half), others, len(wrong), disagreement_table(wrong)


def agreement_words(found: Agreement) -> str:
    """Say in how many cells the rule is right, and what counts as trained."""
    return (
        f"**{found.agreeing} of {len(found.judged)} cells do as the rule depth ≤ {DEPTH_SCALES} ξ "
        f"says: {found.share:.1%}.** A cell counts as trained if its mean train accuracy is above "
        f"{found.limit:.3f}, halfway between always answering the larger class "
        f"({found.chance:.3f}) and the best cell of this map ({found.best:.3f})."
    )


def disagreement_table(judged: list[Judged]) -> str:
    """List cells that do not do as the rule says."""
    header = ("hidden layers", "weight scale", "6 ξ", "train accuracy", "")
    return table(header, [_row(one) for one in judged])


def _row(one: Judged) -> tuple[str, ...]:
    depth = "infinite" if math.isinf(one.trainable_depth) else f"{one.trainable_depth:.2f}"
    does = "trains, though too deep" if one.trains else "does not train, though shallow enough"
    scale = f"{one.cell.config.init_scale:.4g}"
    return str(one.depth), scale, depth, f"{one.accuracy:.3f}", does


def _mean_field_words(plan: MapPlan) -> None:
    scale, unit = critical_scale(plan), net_of(plan, 1.0)
    st.markdown(
        "In a wide random network a layer multiplies the mean square of a gradient on its way "
        "back by a factor χ₁, from the weight scale and the activation alone:"
    )
    st.latex(MEAN_FIELD)
    st.markdown(
        f"Below 1 it vanishes, above 1 it explodes; the **depth scale** ξ = 1 / |ln χ₁| counts the "
        f"layers for a factor e, and networks train to about {DEPTH_SCALES} ξ (Poole et al. 2016; "
        "Schoenholz et al. 2017). The dashed line is χ₁ = 1."
    )
    if unit is not None:
        critical = f", and χ₁ = 1 at the scale {scale:.4g}" if scale else ""
        st.markdown(rf"Here $\sigma_w$ is {unit.sigma_w:.4g} times the weight scale{critical}.")


def _born_dead(session: MapSession) -> None:
    st.subheader("What theory foretells", anchor=False, divider="gray")
    if session.cells:
        found = births(session.cells)
        st.markdown(
            f"**{found.dead} of {found.runs} networks were born dead: {found.dead / found.runs:.1%}"
            f".** They have a layer in which no unit ever answers on the training set. The bound "
            f"says at most {found.bound:.1%} ± {found.error:.1%} of them (one standard error)."
        )
    st.latex(BORN_DEAD)
    st.caption(
        "N units in a layer, L layers of weights, zero biases, weights symmetric about 0: the "
        "probability that one given input dies on its way (Lu, Shin, Su and Karniadakis 2019)."
    )
