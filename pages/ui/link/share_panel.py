"""The dialog that makes a link: what it locks, hides and starts with, and its QR code."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

import streamlit as st

from nndl_core.base.config import KNOBS
from nndl_core.base.i18n import tr
from pages.ui.link.address import kept
from pages.ui.link.locks import KNOWN, PARTS, Kind, named
from pages.ui.link.presenter import ON, is_presenting, set_presenting
from pages.ui.link.qr import LONGEST, qr_picture

LOCAL = ("localhost", "127.0.0.1", "::1")
OWN = ("lock", "hide", "present")
"""Parameters that the dialog decides; all others go into the link as they are."""


def share_button() -> None:
    """Draw the button of the frame that opens the dialog; call it after the page is drawn."""
    if st.button(tr("Share"), key="share", icon=":material/share:"):
        for kind in KNOWN:
            st.session_state[f"share_{kind}"] = named(kind, kept().get(kind, ""))[0]
        st.dialog(tr("A link to what you see"), width="large")(_draw)()


def _draw() -> None:
    st.markdown(tr("It opens this page with the same settings and the same seeds."))
    words, picture = st.columns([3, 2])
    with words:
        chosen = {kind: _choice(kind) for kind in KNOWN}
        presents = st.toggle(tr("Starts in presenter mode"), key="share_present")
        link = link_of(chosen["lock"], chosen["hide"], presents=presents)
        st.code(link, language=None, wrap_lines=True)
        if urlsplit(link).hostname in LOCAL:
            st.caption(
                tr(
                    "This address works on this computer only. Others need its name in the "
                    "network in place of localhost, and a server that listens there."
                )
            )
        label = tr("End presentation") if is_presenting() else tr("Present now")
        if st.button(label, key="present_now", icon=":material/present_to_all:"):
            set_presenting(not is_presenting())
            st.rerun()
    with picture:
        _code(link)


def _choice(kind: Kind) -> list[str]:
    if kind == "lock":
        label, place = tr("Locked settings"), tr("none")
    else:
        label, place = tr("Hidden settings and parts"), tr("none")
    options = KNOWN[kind]
    return st.multiselect(label, options, key=f"share_{kind}", format_func=_word, placeholder=place)


def _word(name: str) -> str:
    return tr(PARTS[name] if name in PARTS else KNOBS[name].label)


def link_of(lock: list[str], hide: list[str], *, presents: bool) -> str:
    """Return the address of this page as the browser has it, with what the dialog adds to it."""
    whole = {n: value for n, value in st.query_params.to_dict().items() if n not in OWN}
    added = {"lock": ",".join(lock), "hide": ",".join(hide), "present": ON if presents else ""}
    whole |= {name: value for name, value in added.items() if value}
    base = st.context.url or "http://localhost/"
    if not urlsplit(base).path:
        base += "/"
    return f"{base}?{urlencode(whole, safe=',')}" if whole else base


def _code(link: str) -> None:
    if len(link) > LONGEST:
        st.caption(tr("The link is too long for a code that a camera can read; copy it."))
        return
    st.html(f'<img class="nndl-qr" src="{qr_picture(link)}" alt="{tr("QR code of the link")}">')
