// One Plotly chart that is never torn down, and the axes and layout that all of them share.

import { escapeLabel } from "../../widgets/style.js";

const CONFIG = { displayModeBar: false, doubleClick: false, responsive: false, showTips: false };
const coarsePointer = () => window.matchMedia("(pointer: coarse)").matches;

export function axis(theme, title, extra) {
  return {
    title: { text: escapeLabel(title), font: { size: 12 * theme.scale }, standoff: 6 },
    gridcolor: theme.grid,
    linecolor: theme.grid,
    zeroline: false,
    ticks: "",
    tickfont: { size: 12 * theme.scale },
    automargin: false,
    ...extra,
  };
}

const enlarged = (margin, scale) =>
  Object.fromEntries(Object.entries(margin).map(([side, room]) => [side, room * scale]));

export function layout(theme, xaxis, yaxis, margin = {}) {
  return {
    xaxis,
    yaxis,
    margin: enlarged({ l: 48, r: 16, t: 8, b: 42, ...margin }, theme.scale),
    font: { family: theme.font, size: 12 * theme.scale, color: theme.text },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    hoverlabel: { font: { family: theme.font, size: 12 * theme.scale } },
    showlegend: false,
    dragmode: coarsePointer() ? false : "zoom", // a finger scrolls the page
  };
}

/** One Plotly chart that lives as long as the page; a zoom of the user outlives its frames. */
export class Chart {
  constructor(Plotly, panel) {
    this.Plotly = Plotly;
    this.panel = panel;
    this.node = panel.plot;
    this.zoom = {};
    this.zooms = 0;
    this.started = false;
    panel.resetZoom.addEventListener("click", () => this.reset());
  }

  /** Let go of the user's zoom; the chart's own ranges hold again. */
  reset() {
    this.zoom = {};
    this.zooms += 1;
    this.panel.resetZoom.hidden = true;
    this.panel.redraw();
  }

  /** A new run starts: what was seen of the old one says nothing about it. */
  forget() {
    this.reset();
  }

  async show(traces, chartLayout) {
    if (this.node._dragging) return this.wait(); // a redraw now would break off the user's zoom
    // Plotly's uirevision gives up a zoom when the range under it changes, as it does here.
    for (const [name, range] of Object.entries(this.zoom)) chartLayout[name].range = range;
    const stamp = JSON.stringify([chartLayout, traces.map((trace) => trace.mode)]);
    if (this.started && stamp === this.layoutStamp) return this.move(traces);
    this.layoutStamp = stamp;
    await this.Plotly.react(this.node, traces, chartLayout, CONFIG);
    if (!this.started) this.listen();
    this.started = true;
  }

  wait() {
    this.stamp = null;
    setTimeout(this.panel.redraw, 200);
  }

  /** Only the data changed: half the work of a whole redraw. */
  move(traces) {
    const still = { transition: { duration: 0 }, frame: { duration: 0, redraw: false } };
    const done = this.Plotly.animate(this.node, { data: traces }, { mode: "immediate", ...still });
    return done.catch(() => {}); // a newer frame took its place
  }

  listen() {
    this.node.on("plotly_doubleclick", () => this.reset());
    this.node.on("plotly_relayout", (change) => this.keepZoom(Object.keys(change)));
    this.node.on("plotly_relayouting", () => this.onRange?.());
  }

  keepZoom(changes) {
    for (const name of ["xaxis", "yaxis"]) {
      if (!changes.some((change) => change.startsWith(`${name}.range`))) continue;
      this.zoom[name] = [...this.node._fullLayout[name].range];
      this.panel.resetZoom.hidden = false;
    }
    this.onRange?.();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.node;
    const { width: oldWidth, height: oldHeight } = this.node._fullLayout ?? {};
    const same = width === oldWidth && height === oldHeight;
    if (this.started && width && !same) this.Plotly.Plots.resize(this.node);
  }

  dispose() {
    this.Plotly.purge(this.node);
  }
}

export const layerMargin = (layers) => 14 + 7 * Math.max(...layers.map((layer) => layer.name.length));

export function layerAxis(theme, layers) {
  return axis(theme, "", {
    range: [layers.length - 0.5, -0.5],
    tickvals: layers.map((_, index) => index),
    ticktext: layers.map((layer) => escapeLabel(layer.name)),
    showgrid: false,
    fixedrange: true,
  });
}
