// The live component: takes frames as they come and draws the newest at the next animation frame.

import { BoundaryCanvas, RidgeCanvas, rowOf } from "./live_canvas.js";
import { ActivationAxes, CurveChart, GradientChart, PointChart } from "./live_charts.js";
import { History, decode } from "./live_frame.js";
import { here, load, plotted } from "./live_loader.js";
import { Merits, Panel, UnitTable, element } from "./live_panels.js";
import { fill, formatters, readTheme } from "./live_style.js";

const ASK_AGAIN_MS = 400; // a full frame needs a round trip, and a newer one may replace it
const ORPHAN_MS = 5000;
const ENDED = ["finished", "diverged"];
const STILL_TICKING = 8; // frames of an ended run after which the server is told once more

// Once per page: a module runs once, however often the component is mounted.
const styled = load("link", { rel: "stylesheet", href: here("live_component.css") });

class LiveView {
  constructor(parent) {
    this.history = new History();
    this.root = element("div", "nndl-live", parent);
    this.root.dataset.frame = "0";
    this.frames = 0;
    this.endFrames = 0;
    this.merits = new Merits(this.root);
    const grid = element("div", "live-grid", this.root);
    this.panels = {
      loss: new Panel(grid, "loss", { scales: ["linear", "log"] }),
      accuracy: new Panel(grid, "accuracy"),
      boundary: new Panel(grid, "boundary", { canvas: true }),
      gradients: new Panel(grid, "gradients", { scales: ["log", "linear"] }),
      activations: new Panel(grid, "activations", { canvas: true }),
      units: new Panel(grid, "units"),
    };
    this.units = new UnitTable(this.panels.units);
    for (const panel of Object.values(this.panels)) panel.redraw = () => this.schedule();
    this.ready = this.start();
  }

  async start() {
    const [Plotly] = await Promise.all([plotted, styled]);
    if (this.disposed) return;
    const { loss, accuracy, boundary, gradients, activations } = this.panels;
    this.charts = {
      loss: new CurveChart(Plotly, loss, "loss", 0.1),
      accuracy: new CurveChart(Plotly, accuracy, "accuracy", 0.1),
      boundary: new PointChart(Plotly, boundary),
      gradients: new GradientChart(Plotly, gradients),
      activations: new ActivationAxes(Plotly, activations),
    };
    this.boundary = new BoundaryCanvas(boundary);
    this.ridges = new RidgeCanvas(activations);
    this.charts.boundary.onRange = () => this.paintBoundary();
    this.charts.activations.onRange = () => this.paintRidges();
    this.addHover(activations);
    this.observer = new ResizeObserver(() => this.resize());
    for (const panel of Object.values(this.panels)) this.observer.observe(panel.body);
    this.schedule();
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
    this.tellEnd(before?.status, frame.header.status);
    this.fresh = true;
    this.schedule();
  }

  /** Ask until a usable frame comes: of frames that come close together Streamlit shows the last. */
  askForAll() {
    if (this.asking) return;
    this.tell("full");
    this.asking = setInterval(() => this.tell("full"), ASK_AGAIN_MS);
  }

  /** The clock of the page ticks until the server hears that the run has ended. */
  tellEnd(before, now) {
    if (!ENDED.includes(now)) return;
    this.endFrames = ENDED.includes(before) ? this.endFrames + 1 : 0;
    if (this.endFrames % STILL_TICKING === 0) this.tell("end");
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
    this.theme ??= readTheme(this.root);
    if (this.locale !== header.text.locale) {
      this.locale = header.text.locale;
      this.format = formatters(this.locale);
    }
    const hidden = header.layers.slice(0, -1);
    const { theme, format } = this;
    return { header, curves, arrays, text: header.text, theme, format, hidden };
  }

  async draw() {
    const view = this.view();
    this.merits.draw(view);
    this.label(view);
    if (!this.charts) return; // Plotly is still on its way; start() draws again
    if (this.forgetRanges) this.forget();
    const { loss, accuracy, gradients } = this.charts;
    const drawn = [loss.draw(view), accuracy.draw(view), gradients.draw(view)];
    drawn.push(this.drawBoundary(view), this.drawHidden(view));
    await Promise.all(drawn);
    this.mark(view.header);
  }

  forget() {
    this.forgetRanges = false;
    for (const chart of Object.values(this.charts)) chart.forget();
  }

  label({ header, text, theme }) {
    this.root.classList.toggle("is-dark", theme.dark);
    for (const name of ["dev", "weights", "bias", "dead"]) {
      this.root.style.setProperty(`--live-${name}`, theme[name]);
    }
    for (const panel of Object.values(this.panels)) panel.label(text);
    const curves = [["solid", text.train], ["dashed", text.dev]];
    this.panels.loss.setLegend(curves);
    this.panels.accuracy.setLegend(curves);
    this.panels.gradients.setLegend([["weights", text.weights], ["bias", text.bias]]);
    this.panels.activations.setLegend([["mean", text.mean_legend]]);
    const classes = header.colors.map((color, at) => ["class", header.classes[at], color]);
    const parts = [["train", text.train], ["dev", text.dev], ["border", text.border_legend]];
    const many = classes.length > 4; // ten classes have no room beside the title
    this.panels.boundary.setLegend([...(many ? [] : classes), ...parts]);
  }

  async drawBoundary(view) {
    await this.charts.boundary.draw(view);
    this.paintBoundary();
    this.panels.boundary.node.dataset.digest = view.arrays.boundary.values.reduce(
      (sum, value, at) => (sum * 31 + value + at) % 1e9,
      7,
    );
  }

  async drawHidden(view) {
    const sentence = view.hidden.length ? "" : view.text.no_hidden;
    this.panels.activations.showEmpty(sentence);
    this.panels.units.showEmpty(sentence);
    if (sentence) return;
    this.units.draw(view);
    await this.charts.activations.draw(view);
    this.paintRidges();
    this.panels.activations.node.dataset.digest = Array.from(view.arrays.histogram.values).join(" ");
  }

  paintBoundary() {
    this.boundary.paint(this.view());
  }

  paintRidges() {
    const view = this.view();
    if (view.hidden.length) this.ridges.paint(view);
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

  /** Say what a ridge shows where the pointer is; the canvas has no marks of its own to ask. */
  addHover(panel) {
    const tip = element("div", "live-tip", panel.body);
    tip.hidden = true;
    panel.body.addEventListener("pointerleave", () => (tip.hidden = true));
    panel.body.addEventListener("pointermove", (event) => {
      const words = this.ridgeAt(panel, event);
      tip.hidden = !words;
      if (words) tip.textContent = words;
      tip.style.top = `${event.clientY - panel.body.getBoundingClientRect().top}px`;
    });
  }

  ridgeAt(panel, event) {
    const box = panel.canvas.getBoundingClientRect();
    const view = this.view();
    const axis = panel.plot._fullLayout?.xaxis;
    const layer = view.hidden[Math.floor(((event.clientY - box.top) / box.height) * view.hidden.length)];
    const across = (event.clientX - box.left) / box.width;
    if (!layer || !axis || across < 0 || across > 1) return "";
    const [low, high] = view.header.histogram_range;
    const shares = rowOf(view.arrays.histogram, view.hidden.indexOf(layer));
    const value = axis.range[0] + across * (axis.range[1] - axis.range[0]);
    const bin = Math.floor(((value - low) / (high - low)) * shares.length);
    const edge = (at) => view.format.value(low + (at / shares.length) * (high - low));
    return fill(view.text.activations_hover, {
      layer: layer.name,
      share: view.format.percent(shares[bin] ?? 0),
      low: edge(bin),
      high: edge(bin + 1),
      mean: view.format.value(layer.activation_mean),
      std: view.format.value(layer.activation_std),
    });
  }

  resize() {
    for (const chart of Object.values(this.charts)) chart.resize();
    this.schedule();
  }

  dispose() {
    this.disposed = true;
    cancelAnimationFrame(this.due);
    clearInterval(this.asking);
    this.observer?.disconnect();
    for (const chart of Object.values(this.charts ?? {})) chart.dispose();
    this.root.remove();
  }
}

const views = new Map(); // from the element that Streamlit gives to the view in it
const orphans = new Set(); // views whose element was taken away a moment ago

/** A browser that is short of time may see its element replaced between two frames of a run:
 *  the charts then move into the new one, with zoom and history. */
function adopt(parent, data) {
  const run = data && decode(data).header.run;
  for (const view of orphans) {
    if (view.history.header?.run !== run) continue;
    orphans.delete(view);
    clearTimeout(view.farewell);
    parent.append(view.root);
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
  if (data) view.receive(data, (event) => setTriggerValue(event, true));
  return () => leave(parentElement);
}
