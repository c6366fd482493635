// The cards that a page can show of a run: each is a panel and what is drawn in it.

import { BoundaryCanvas, RidgeCanvas, rowOf } from "./canvas.js";
import { ActivationAxes, CurveChart, GradientChart, PointChart } from "./charts.js";
import { Panel, UnitTable, element } from "./panels.js";
import { fill } from "../../widgets/style.js";

/** A panel with one Plotly chart. */
class Card {
  constructor(grid, name, options) {
    this.panel = new Panel(grid, name, options);
  }

  start(Plotly) {
    this.chart = this.makeChart(Plotly);
  }

  label(view) {
    this.panel.label(view.text, view.header.name, this.now(view));
    this.panel.setLegend(this.legend(view));
  }

  /** The chart's figures in words, for who does not see it. */
  now() {
    return "";
  }

  draw(view) {
    return this.chart.draw(view);
  }

  forget() {
    this.chart?.forget();
  }

  resize() {
    this.chart?.resize();
  }

  dispose() {
    this.chart?.dispose();
  }
}

class CurveCard extends Card {
  makeChart(Plotly) {
    return new CurveChart(Plotly, this.panel, this.panel.name, 0.1);
  }

  legend({ header, text }) {
    const lines = [["solid", text.train], ["dashed", text.dev]];
    if (!header.band) return lines;
    const { done, seeds, diverged } = header.band;
    const words = [fill(text.band_legend, { k: done, n: seeds })];
    if (diverged) words.push(fill(text.band_diverged, { k: diverged }));
    return [...lines, ["band", words.join(", ")]];
  }

  now({ header, text, format }) {
    const { name } = this.panel;
    const form = name === "loss" ? format.loss : format.percent;
    const [train, dev] = ["train", "dev"].map((part) => form(header.merit[`${part}_${name}`]));
    return fill(text.curves_now, { epoch: format.whole(header.epoch), train, dev });
  }
}

const layersNow = ({ header, format }, words, layers, value) =>
  fill(words, {
    epoch: format.whole(header.epoch),
    layers: layers.map((layer) => `${layer.name} ${value(layer)}`).join(", "),
  });

class GradientCard extends Card {
  makeChart(Plotly) {
    return new GradientChart(Plotly, this.panel);
  }

  legend({ text }) {
    return [["weights", text.weights], ["bias", text.bias]];
  }

  now(view) {
    const { header, text, format } = view;
    const norm = (layer) => format.scientific(layer.weight_grad_norm);
    return layersNow(view, text.gradients_now, header.layers, norm);
  }
}

class BoundaryCard extends Card {
  makeChart(Plotly) {
    this.canvas = new BoundaryCanvas(this.panel);
    const chart = new PointChart(Plotly, this.panel);
    chart.onRange = () => this.canvas.paint(this.view);
    return chart;
  }

  legend({ header, text }) {
    const classes = header.colors.map((color, at) => ["class", header.classes[at], color]);
    const parts = [["train", text.train], ["dev", text.dev], ["border", text.border_legend]];
    const many = classes.length > 4; // ten classes have no room beside the title
    return [...(many ? [] : classes), ...parts];
  }

  now({ header, text, format }) {
    const [train, dev] = ["train", "dev"].map((part) => format.percent(header.merit[`${part}_accuracy`]));
    return fill(text.boundary_now, { epoch: format.whole(header.epoch), train, dev });
  }

  async draw(view) {
    this.view = view;
    await this.chart.draw(view);
    this.canvas.paint(view);
    this.panel.node.dataset.digest = view.arrays.boundary.values.reduce(
      (sum, value, at) => (sum * 31 + value + at) % 1e9,
      7,
    );
  }
}

class ActivationCard extends Card {
  makeChart(Plotly) {
    this.canvas = new RidgeCanvas(this.panel);
    const chart = new ActivationAxes(Plotly, this.panel);
    chart.onRange = () => this.view?.hidden.length && this.canvas.paint(this.view);
    this.addHover(this.panel);
    return chart;
  }

  legend({ text }) {
    return [["mean", text.mean_legend]];
  }

  now(view) {
    const mean = (layer) => view.format.value(layer.activation_mean);
    return layersNow(view, view.text.activations_now, view.hidden, mean);
  }

  async draw(view) {
    this.view = view;
    this.panel.showEmpty(view.hidden.length ? "" : view.text.no_hidden);
    if (!view.hidden.length) return;
    await this.chart.draw(view);
    this.canvas.paint(view);
    this.panel.node.dataset.digest = Array.from(view.arrays.histogram.values).join(" ");
  }

  /** Say what a ridge shows where the pointer is; the canvas has no marks of its own to ask. */
  addHover(panel) {
    const tip = element("div", "live-tip", panel.body);
    tip.hidden = true;
    panel.body.addEventListener("pointerleave", () => (tip.hidden = true));
    panel.body.addEventListener("pointermove", (event) => {
      const words = this.view ? this.ridgeAt(panel, event, this.view) : "";
      tip.hidden = !words;
      if (words) tip.textContent = words;
      tip.style.top = `${event.clientY - panel.body.getBoundingClientRect().top}px`;
    });
  }

  ridgeAt(panel, event, view) {
    const box = panel.canvas.getBoundingClientRect();
    const axis = panel.plot._fullLayout?.xaxis;
    const layer = view.hidden[Math.floor(((event.clientY - box.top) / box.height) * view.hidden.length)];
    const across = (event.clientX - box.left) / box.width;
    if (!layer || !axis || across < 0 || across > 1) return "";
    const [low, high] = view.header.histogram_range;
    const shares = rowOf(view.arrays.histogram, view.hidden.indexOf(layer));
    const value = axis.range[0] + across * (axis.range[1] - axis.range[0]);
    const bin = Math.floor(((value - low) / (high - low)) * shares.length);
    if (!(bin in shares)) return ""; // the axis may be that of several runs
    const edge = (at) => view.format.value(low + (at / shares.length) * (high - low));
    return fill(view.text.activations_hover, {
      layer: layer.name,
      share: view.format.percent(shares[bin]),
      low: edge(bin),
      high: edge(bin + 1),
      mean: view.format.value(layer.activation_mean),
      std: view.format.value(layer.activation_std),
    });
  }
}

class UnitCard extends Card {
  start() {
    this.table = new UnitTable(this.panel);
  }

  legend() {
    return [];
  }

  draw(view) {
    this.panel.showEmpty(view.hidden.length ? "" : view.text.no_hidden);
    if (view.hidden.length) this.table.draw(view);
  }
}

const MAKERS = {
  loss: (grid) => new CurveCard(grid, "loss", { scales: ["linear", "log"] }),
  accuracy: (grid) => new CurveCard(grid, "accuracy"),
  boundary: (grid) => new BoundaryCard(grid, "boundary", { canvas: true }),
  gradients: (grid) => new GradientCard(grid, "gradients", { scales: ["log", "linear"] }),
  activations: (grid) => new ActivationCard(grid, "activations", { canvas: true }),
  units: (grid) => new UnitCard(grid, "units"),
};

export const makeCards = (grid, names) => names.map((name) => MAKERS[name](grid));
