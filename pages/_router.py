"""The frame of every page: browser title, page order, style and navigation."""

from pathlib import Path

import streamlit as st

from nndl_core.base.i18n import tr
from nndl_core.engine.machine.warm_up import compile_training, is_compiled
from pages.ui.link import locks, presenter
from pages.ui.link.address import draw_one_entry, keep_frame
from pages.ui.link.language import choose_language
from pages.ui.link.share_panel import share_button
from pages.ui.server.shares import GATE, LONGEST_WAIT

LINK = Path(__file__).parent / "ui" / "link"

# A picture of our own: the browser would fetch a material icon from a font host.
keep_frame()
presenter.check_link()
st.set_page_config(
    page_title="NNDL Lab",
    page_icon=LINK / "icon.svg",
    layout="wide",
    initial_sidebar_state="collapsed" if presenter.is_presenting() else "auto",
)
st.html(LINK / "style.css")
tools = st.container(key="frame_tools", horizontal=True)
with tools:
    draw_one_entry()
    choose_language()
    presenter.draw_presenter()
locks.check_link()
lab = st.Page("lab.py", title=tr("Training lab"), icon=":material/science:", default=True)
networks = st.Page("networks.py", title=tr("Networks"), icon=":material/hub:")
autograd = st.Page("autograd.py", title=tr("Autograd"), icon=":material/functions:")
initialization = st.Page("initialization.py", title=tr("Initialization"), icon=":material/casino:")
vanishing = st.Page("vanishing.py", title=tr("Vanishing gradient"), icon=":material/trending_down:")
dying = st.Page("dying.py", title=tr("Dying ReLU"), icon=":material/heart_broken:")
trainability = st.Page("map.py", title=tr("Trainability map"), icon=":material/grid_on:")
gallery = st.Page("gallery.py", title=tr("Gallery"), icon=":material/photo_library:")
history = st.Page("history.py", title=tr("Run history"), icon=":material/history:")
board = st.Page("board.py", title=tr("Class board"), icon=":material/groups:")
bugs = st.Page("bugs.py", title=tr("Spot the bug"), icon=":material/bug_report:")
reference = st.Page("reference.py", title=tr("Reference"), icon=":material/menu_book:")
lessons = [networks, autograd, initialization, vanishing, dying, bugs, reference]
page = st.navigation(
    {"": [lab, trainability, gallery, history, board], tr("Lessons"): lessons}, position="top"
)

if not is_compiled("float32"):
    with st.spinner(
        tr(
            "The training code is being made for this processor. The first start on a machine "
            "takes about a quarter of a minute, later ones do not."
        )
    ):
        compile_training("float32")
with GATE.turn(urgent=True, longest=LONGEST_WAIT):
    page.run()
with tools:  # last: its link says what the page shows now
    share_button()
