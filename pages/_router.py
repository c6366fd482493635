"""The frame of every page: browser title, page order, style and navigation."""

from pathlib import Path

import streamlit as st

from nndl_core.compilation import compile_training, is_compiled
from pages.ui.shares import GATE, LONGEST_WAIT

UI = Path(__file__).parent / "ui"

# A picture of our own: the browser would fetch a material icon from a font host.
st.set_page_config(page_title="NNDL Lab", page_icon=UI / "icon.svg", layout="wide")
st.html(UI / "style.css")
lab = st.Page("lab.py", title="Training lab", icon=":material/science:", default=True)
networks = st.Page("networks.py", title="Networks", icon=":material/hub:")
autograd = st.Page("autograd.py", title="Autograd", icon=":material/functions:")
initialization = st.Page("initialization.py", title="Initialization", icon=":material/casino:")
vanishing = st.Page("vanishing.py", title="Vanishing gradient", icon=":material/trending_down:")
dying = st.Page("dying.py", title="Dying ReLU", icon=":material/heart_broken:")
trainability = st.Page("map.py", title="Trainability map", icon=":material/grid_on:")
gallery = st.Page("gallery.py", title="Gallery", icon=":material/photo_library:")
history = st.Page("history.py", title="Run history", icon=":material/history:")
bugs = st.Page("bugs.py", title="Spot the bug", icon=":material/bug_report:")
reference = st.Page("reference.py", title="Reference", icon=":material/menu_book:")
lessons = [networks, autograd, initialization, vanishing, dying, bugs, reference]
page = st.navigation(
    {"": [lab, trainability, gallery, history], "Lessons": lessons}, position="top"
)

if not is_compiled("float32"):
    with st.spinner(
        "The training code is being made for this processor. The first start on a machine takes "
        "about a quarter of a minute, later ones do not."
    ):
        compile_training("float32")
with GATE.turn(urgent=True, longest=LONGEST_WAIT):
    page.run()
