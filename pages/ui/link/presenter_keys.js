// Keys of presenter mode: each presses the button on the page that says the same.

const BUTTONS = {
  " ": ".st-key-play button, .st-key-map_play button, .st-key-map_pause button",
  ArrowRight: ".st-key-step button",
  r: ".st-key-reset button, .st-key-map_restart button",
  Escape: ".st-key-present_end button",
};
const WRITES = "input:not([type=radio]):not([type=checkbox]), textarea, [contenteditable=true]";
const MOVES = `${WRITES}, select, [role=slider], [role=combobox], [role=radio], [role=tab],
  [role=listbox], [role=menu], [role=dialog], [data-testid=stDataFrame], input`;
const PRESSED = "button, summary, a[href], [role=button]";

/** Where a key has a meaning of its own, it keeps it. */
function isTaken(key, target) {
  if (key === "Escape") return Boolean(document.querySelector("[role=dialog], [data-testid=stPopoverBody]"));
  if (key === "r") return Boolean(target.closest(WRITES));
  if (key === " ") return Boolean(target.closest(`${MOVES}, ${PRESSED}`));
  return Boolean(target.closest(MOVES));
}

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const target = event.target instanceof Element ? event.target : document.body;
  if (!(key in BUTTONS) || isTaken(key, target)) return;
  const button = document.querySelector(BUTTONS[key]);
  if (!button) return;
  event.preventDefault();
  event.stopImmediatePropagation(); // Streamlit's own R would run the page again
  if (!event.repeat || key === "ArrowRight") button.click();
}

/** Charts draw anew in the other size once the page's style has come or gone. */
const rescale = () => setTimeout(() => window.dispatchEvent(new Event("nndl-scale")), 100);

export default () => {
  window.addEventListener("keydown", press, true);
  rescale();
  return () => {
    window.removeEventListener("keydown", press, true);
    rescale();
  };
};
