// One figure of a lesson: the dictionary that the server made, drawn in the colors of the page.

import { here, load, plotted } from "./loader.js";
import { pageScale, readTheme } from "./style.js";

const CONFIG = { displayModeBar: false, doubleClick: false, responsive: false, showTips: false };
const ORPHAN_MS = 5000;
const styled = load("link", { rel: "stylesheet", href: here("figure.css") });
const coarsePointer = () => window.matchMedia("(pointer: coarse)").matches;
const isAxis = (name) => /^[xy]axis\d*$/.test(name);

const LETTER = 0.52; // mean width of a letter, in font sizes

/** Break the lines of a label that are too long for the given width. */
function wrapped(text, width, size) {
  const most = Math.max(12, Math.floor(width / (LETTER * size)));
  return text.split("<br>").map((line) => broken(line, most)).join("<br>");
}

function broken(line, most) {
  const lines = [""];
  for (const word of line.split(" ")) {
    const longer = lines.at(-1) ? `${lines.at(-1)} ${word}` : word;
    if (lines.at(-1) && plain(longer).length > most) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines.join("<br>");
}

/** What the page says about looks; whatever the figure itself says goes before it. */
function template(theme) {
  const axis = {
    gridcolor: theme.grid,
    linecolor: theme.grid,
    zerolinecolor: theme.grid,
    tickcolor: "rgba(0,0,0,0)", // ticks only keep the words clear of the plot
  };
  return {
    layout: {
      font: { family: theme.font, color: theme.text },
      title: { font: { color: theme.text } },
      annotationdefaults: { bgcolor: theme.background, opacity: 0.9 },
      legend: { bgcolor: "rgba(0,0,0,0)" },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      hoverlabel: { font: { family: theme.font }, bgcolor: theme.background },
      xaxis: axis,
      yaxis: axis,
    },
  };
}

/** Enlarge every font of a layout, and the room that margins give to words. */
function enlarge(layout, scale) {
  if (scale === 1) return layout;
  const visit = (value, name) => {
    if (!value || typeof value !== "object") return;
    if (/font$/.test(name) && value.size) value.size *= scale;
    for (const [inner, each] of Object.entries(value)) visit(each, inner);
  };
  visit(layout, "");
  layout.font = { ...layout.font, size: layout.font?.size ?? 12 * scale };
  for (const side of ["l", "r", "t", "b"]) {
    if (layout.margin?.[side]) layout.margin[side] *= scale;
  }
  return layout;
}

class FigureView {
  constructor(parent) {
    this.root = document.createElement("figure");
    this.root.className = "nndl-figure";
    this.root.dataset.drawn = "0";
    this.title = document.createElement("figcaption");
    this.plot = document.createElement("div");
    this.plot.className = "figure-plot";
    this.root.append(this.title, this.plot);
    parent.append(this.root);
    this.zoom = {};
    this.drawn = 0;
    this.ready = this.start();
  }

  async start() {
    [this.Plotly] = await Promise.all([plotted, styled]);
    if (this.disposed) return;
    this.observer = new ResizeObserver(() => this.resize());
    this.rescale = () => this.schedule();
    window.addEventListener("nndl-scale", this.rescale);
    this.observer.observe(this.plot);
    this.schedule();
  }

  /** Take the newest data; the same once more means that the theme has changed. */
  receive(data, tell) {
    this.theme = null;
    this.tell = tell;
    this.root.classList.toggle("is-clickable", Boolean(data.clickable));
    if (data.figure !== this.text) {
      this.text = data.figure;
      this.figure = JSON.parse(data.figure);
      this.keepZoomOf(this.figure.layout);
    }
    this.plot.setAttribute("role", "img"); // not the whole figure: its title is read too
    this.plot.setAttribute("aria-label", data.alt);
    this.plot.style.height = `${data.height}px`;
    this.schedule();
  }

  /** A zoom outlives new data, but means nothing on other axes or when `uirevision` changes. */
  keepZoomOf(layout) {
    const axes = Object.keys(layout).filter(isAxis).sort();
    const meaning = axes.map((name) => [name, layout[name].type, layout[name].title?.text]);
    const stamp = JSON.stringify([layout.uirevision, meaning]);
    if (stamp !== this.meaning) this.zoom = {};
    this.meaning = stamp;
  }

  schedule() {
    if (this.due || !this.figure || !this.Plotly) return;
    this.due = requestAnimationFrame(() => {
      this.due = null;
      this.draw().catch((error) => console.error("a figure could not be drawn", error));
    });
  }

  layout() {
    const { title, ...rest } = this.figure.layout;
    this.title.innerHTML = ""; // the words follow as text: they may come from a user
    this.title.textContent = plain(title?.text ?? "");
    this.title.hidden = !this.title.textContent;
    const layout = {
      ...rest,
      template: template(this.theme),
      dragmode: coarsePointer() ? false : "zoom", // a finger scrolls the page
      autosize: true,
    };
    for (const [name, range] of Object.entries(this.zoom)) {
      layout[name] = { ...layout[name], range, autorange: false };
    }
    return this.fitted(enlarge(structuredClone(layout), this.theme.scale));
  }

  /** Plotly cuts words that are wider than the plot; here they get a second line. */
  fitted(layout) {
    const { l = 80, r = 80, t = 100, b = 80 } = layout.margin ?? {};
    const room = { x: this.plot.clientWidth - l - r, y: this.plot.clientHeight - t - b };
    const size = layout.font?.size ?? 12;
    for (const name of Object.keys(layout).filter(isAxis)) {
      const title = layout[name].title;
      if (title?.text) title.text = wrapped(title.text, room[name[0]], size);
    }
    for (const note of layout.annotations ?? []) {
      if (note.xref === "paper") note.text = wrapped(note.text, room.x, note.font?.size ?? size);
    }
    return layout;
  }

  async draw() {
    if (this.plot._dragging) return this.wait(); // a redraw now would break off the user's zoom
    if (this.theme?.scale !== pageScale()) this.theme = readTheme(this.root);
    this.root.classList.toggle("is-dark", this.theme.dark);
    // Every run of the page brings the figure once more; only what has changed is drawn.
    const { clientWidth, clientHeight } = this.plot;
    const stamp = JSON.stringify([this.theme, this.zoom, clientWidth, clientHeight]);
    if (this.drawnText === this.text && this.drawnStamp === stamp) return;
    [this.drawnText, this.drawnStamp] = [this.text, stamp];
    // Plotly writes into what it is given; the next draw needs the figure as it came.
    const traces = structuredClone(this.figure.data);
    await this.Plotly.react(this.plot, traces, this.layout(), CONFIG);
    if (!this.drawn) this.listen();
    this.drawn += 1;
    this.root.dataset.drawn = this.drawn;
  }

  wait() {
    setTimeout(() => this.schedule(), 200);
  }

  listen() {
    this.plot.on("plotly_doubleclick", () => {
      this.zoom = {};
      this.drawnText = null; // Plotly has moved the axes itself
      this.schedule();
    });
    this.plot.on("plotly_click", ({ points }) => {
      if (this.root.classList.contains("is-clickable")) this.tell(points[0].pointNumber);
    });
    this.plot.on("plotly_relayout", (change) => {
      for (const name of Object.keys(this.figure.layout).filter(isAxis)) {
        if (!Object.keys(change).some((key) => key.startsWith(`${name}.range`))) continue;
        this.zoom[name] = [...this.plot._fullLayout[name].range];
      }
    });
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.plot;
    const { width: oldWidth, height: oldHeight } = this.plot._fullLayout ?? {};
    const same = width === oldWidth && height === oldHeight;
    if (this.drawn && width && !same) this.schedule(); // a redraw measures the node anew
  }

  dispose() {
    this.disposed = true;
    cancelAnimationFrame(this.due);
    this.observer?.disconnect();
    window.removeEventListener("nndl-scale", this.rescale);
    if (this.drawn) this.Plotly.purge(this.plot);
    this.root.remove();
  }
}

/** Words without Plotly's tags and escapes. */
function plain(text) {
  const read = new DOMParser().parseFromString(String(text), "text/html");
  return read.body.textContent;
}

const views = new Map(); // from the element that Streamlit gives to the view in it
const orphans = new Map(); // by key: views whose element was taken away a moment ago

/** Streamlit may replace an element between two drawings: the chart then moves, with its zoom. */
function adopt(parent, key) {
  const view = orphans.get(key);
  if (!view) return new FigureView(parent);
  orphans.delete(key);
  clearTimeout(view.farewell);
  parent.append(view.root);
  return view;
}

function leave(parent, key) {
  const view = views.get(parent);
  views.delete(parent);
  if (!view) return;
  orphans.set(key, view);
  view.farewell = setTimeout(() => {
    if (orphans.get(key) === view) orphans.delete(key);
    view.dispose();
  }, ORPHAN_MS);
}

/** Streamlit calls this at the first mount, with new data, and when the theme changes. */
export default function figure({ data, parentElement, setTriggerValue }) {
  if (!views.has(parentElement)) views.set(parentElement, adopt(parentElement, data.key));
  views.get(parentElement).receive(data, (place) => setTriggerValue("clicked", place));
  return () => leave(parentElement, data.key);
}
