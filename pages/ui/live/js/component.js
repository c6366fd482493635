// The live component: takes frames as they come and draws the newest at the next animation frame.

import { makeCards } from "./cards.js";
import { History, decode } from "./frame.js";
import { load, plotted } from "../../widgets/loader.js";
import { Merits, element } from "./panels.js";
import { formatters, pageScale, readTheme } from "../../widgets/style.js";

const ASK_AGAIN_MS = 400; // a full frame needs a round trip, and a newer one may replace it
const ORPHAN_MS = 5000;
const STILL_TICKING = 8; // frames of an ended run after which the server is told once more

// Once per page: a module runs once, however often the component is mounted.
const styled = load("link", { rel: "stylesheet", href: new URL("component.css", import.meta.url).href });

class LiveView {
  constructor(parent) {
    this.history = new History();
    this.root = element("div", "nndl-live", parent);
    this.root.dataset.frame = "0";
    this.frames = 0;
    this.endFrames = 0;
    this.cards = [];
    this.observer = new ResizeObserver(() => this.resize());
    this.rescale = () => this.restyle();
    window.addEventListener("nndl-scale", this.rescale);
  }

  /** Make what a frame asks to be shown; frames of the same page always ask for the same. */
  build({ panels, name }) {
    const stamp = JSON.stringify([panels, Boolean(name)]);
    if (stamp === this.stamp) return;
    this.stamp = stamp;
    this.clear();
    this.root.classList.toggle("is-run", Boolean(name)); // one of several, under its name
    this.merits = new Merits(this.root);
    this.cards = makeCards(element("div", "live-grid", this.root), panels);
    for (const { panel } of this.cards) {
      panel.redraw = () => this.schedule();
      panel.tellScale = (scale) => this.tell("scale", `${panel.name} ${scale}`);
    }
    this.start(this.cards);
  }

  async start(cards) {
    const [Plotly] = await Promise.all([plotted, styled]);
    if (this.disposed || this.cards !== cards) return;
    for (const card of cards) {
      card.start(Plotly);
      this.observer.observe(card.panel.body);
    }
    this.started = true;
    this.schedule();
  }

  clear() {
    this.started = false;
    this.observer.disconnect();
    for (const card of this.cards) card.dispose();
    this.root.replaceChildren();
  }

  receive(bytes, tell) {
    if (bytes === this.bytes) return this.restyle(); // the same frame again: the theme changed
    this.bytes = bytes;
    this.tell = tell;
    const frame = decode(bytes);
    if (this.history.lacksBaseOf(frame)) return this.askForAll();
    clearInterval(this.asking);
    this.asking = null;
    const before = this.history.header;
    this.history.take(frame);
    if (before?.run !== frame.header.run) this.forgetRanges = true;
    this.build(this.history.header);
    this.tellEnd(frame.header.ended);
    this.fresh = true;
    this.schedule();
  }

  /** Ask until a usable frame comes: of frames that come close together Streamlit shows the last. */
  askForAll() {
    if (this.asking) return;
    this.tell("full");
    this.asking = setInterval(() => this.tell("full"), ASK_AGAIN_MS);
  }

  /** The clock of the page ticks until the server hears that all its runs have ended. */
  tellEnd(ended) {
    if (ended && this.endFrames % STILL_TICKING === 0) this.tell("end");
    this.endFrames = ended ? this.endFrames + 1 : 0;
  }

  restyle() {
    this.theme = null;
    this.schedule();
  }

  schedule() {
    if (this.due || !this.history.header) return;
    this.due = requestAnimationFrame(() => {
      this.due = null;
      this.draw().catch((error) => console.error("the live charts could not be drawn", error));
    });
  }

  view() {
    const { header, curves, arrays } = this.history;
    if (this.theme?.scale !== pageScale()) this.theme = readTheme(this.root);
    if (this.locale !== header.text.locale) {
      this.locale = header.text.locale;
      this.format = formatters(header.text);
    }
    const hidden = header.layers.slice(0, -1);
    const { theme, format } = this;
    return { header, curves, arrays, text: header.text, theme, format, hidden };
  }

  async draw() {
    const view = this.view();
    this.merits.draw(view);
    this.label(view);
    if (!this.started) return; // Plotly is still on its way; start() draws again
    if (this.forgetRanges) this.forget();
    await Promise.all(this.cards.map((card) => card.draw(view)));
    this.mark(view.header);
  }

  forget() {
    this.forgetRanges = false;
    for (const card of this.cards) card.forget();
  }

  label(view) {
    const { theme } = view;
    this.root.classList.toggle("is-dark", theme.dark);
    for (const name of ["dev", "weights", "bias", "dead"]) {
      this.root.style.setProperty(`--live-${name}`, theme[name]);
    }
    for (const card of this.cards) card.label(view);
  }

  mark(header) {
    if (this.fresh) this.frames += 1;
    this.fresh = false;
    Object.assign(this.root.dataset, {
      epoch: header.epoch,
      status: header.status,
      run: header.run,
      frame: this.frames,
    });
  }

  resize() {
    for (const card of this.cards) card.resize();
    this.schedule();
  }

  dispose() {
    this.disposed = true;
    cancelAnimationFrame(this.due);
    clearInterval(this.asking);
    window.removeEventListener("nndl-scale", this.rescale);
    this.clear();
    this.root.remove();
  }
}

const views = new Map(); // from the element that Streamlit gives to the view in it
const orphans = new Set(); // views whose element was taken away a moment ago

/** A browser that is short of time may see its component ended and begun again between two frames
 *  of a run: the charts then stay, or move into the new element, with zoom and history. */
function adopt(parent, data) {
  const run = data && decode(data).header.run;
  for (const view of orphans) {
    if (view.history.header?.run !== run) continue;
    orphans.delete(view);
    clearTimeout(view.farewell);
    if (view.root.parentElement !== parent) parent.append(view.root); // moving breaks off a zoom
    return view;
  }
  return new LiveView(parent);
}

function leave(parent) {
  const view = views.get(parent);
  views.delete(parent);
  orphans.add(view);
  view.farewell = setTimeout(() => {
    orphans.delete(view);
    view.dispose();
  }, ORPHAN_MS);
}

/** Streamlit calls this at the first mount, with every frame, and when the theme changes. */
export default function live({ data, parentElement, setTriggerValue }) {
  if (!views.has(parentElement)) views.set(parentElement, adopt(parentElement, data));
  const view = views.get(parentElement);
  if (data) view.receive(data, (event, value = true) => setTriggerValue(event, value));
  return () => leave(parentElement);
}
