// The charts whose axes Plotly draws: loss, accuracy, gradient norms, and the axes of the canvases.

import { bandOf } from "./frame.js";
import { Chart, axis, layerAxis, layerMargin, layout } from "./plotly.js";
import { SteadyRange, bounds, epochSpan, escapeLabel, rgb, scientific } from "../../widgets/style.js";

/** Loss or accuracy of train (solid) and dev (dashed) against the epoch. */
export class CurveChart extends Chart {
  constructor(Plotly, panel, quantity, step) {
    super(Plotly, panel);
    this.quantity = quantity;
    this.range = new SteadyRange(step);
    this.logRange = new SteadyRange(0.1);
  }

  forget() {
    super.forget();
    this.forgetRanges();
  }

  /** Ranges that the server gives hold all that was seen; those of before say nothing more. */
  forgetRanges() {
    this.range.forget();
    this.logRange.forget();
  }

  ranges(lists, log, shared) {
    if (shared) this.forgetRanges();
    const seen = shared ?? bounds(lists, log ? 0 : undefined) ?? [log ? 0.1 : 0, 1];
    if (log) return this.logRange.take(seen.map(Math.log10));
    return this.quantity === "loss" ? [0, this.range.take(seen)[1]] : this.accuracyRange(seen);
  }

  accuracyRange(seen) {
    const [low] = this.range.take(seen);
    return [Math.min(low, 0.9), 1.005];
  }

  /** Further seeds: the room between their quartiles, and their median. */
  bands(view) {
    const { theme, text } = view;
    return ["train", "dev"].flatMap((part) => {
      const band = bandOf(view, `${part}_${this.quantity}`);
      return band ? bandTraces(band, part === "train" ? theme.text : theme.dev, text[part]) : [];
    });
  }

  draw(view) {
    const { header, curves, text, theme } = view;
    const bands = this.bands(view);
    const train = curves[`train_${this.quantity}`];
    const dev = curves[`dev_${this.quantity}`];
    const log = this.panel.scale === "log";
    const shared = header.ranges?.[this.quantity];
    const [epoch, target] = header.ranges?.epoch ?? [header.epoch, header.epochs];
    const shown = bands.length ? Math.max(epoch, target) : epoch; // a band reaches to the end
    const line = (y, name, style) => ({
      x: curves.curve_epoch,
      y,
      name: escapeLabel(name),
      mode: curves.curve_epoch.length > 1 ? "lines" : "markers",
      line: { width: 2.5, ...style },
      marker: { color: style.color, size: 8 },
      cliponaxis: curves.curve_epoch.length > 1, // the first point stands on the axis
      hovertemplate: this.quantity === "loss" ? "%{y:.4g}" : "%{y:.1%}",
    });
    const xaxis = axis(theme, text.epoch_axis, { range: [0, epochSpan(shown, target)] });
    const yaxis = axis(theme, "", {
      type: log ? "log" : "linear",
      range: this.ranges([train, dev, ...bands.map((band) => band.y)], log, shared),
      tickformat: this.quantity === "loss" ? "" : ".0%",
      nticks: 6,
      exponentformat: "power",
      showexponent: log ? "all" : "last", // 1.5×10³⁵ at every tick has no room
      ...(log ? { dtick: this.logRange.high - this.logRange.low > 2 ? 1 : "D2" } : {}),
    });
    const traces = [
      ...bands,
      line(train, text.train, { color: theme.text, dash: "solid" }),
      line(dev, text.dev, { color: theme.dev, dash: "8px,4px" }),
    ];
    // a band that grows is a new layout: Plotly's short way of moving lines leaves areas behind
    const whole = { ...layout(theme, xaxis, yaxis), meta: { band: header.band?.done } };
    this.panel.node.dataset.band = header.band ? `${header.band.done}/${header.band.seeds}` : "";
    this.panel.node.dataset.digest = `${train.at(-1)} ${dev.at(-1)} ${train.length}`;
    return this.show(traces, { ...whole, hovermode: "x unified" });
  }
}

function bandTraces({ x, low, middle, high }, color, name) {
  const quiet = { x, mode: "lines", hoverinfo: "skip" };
  const [red, green, blue] = rgb(color);
  return [
    { ...quiet, y: low, line: { width: 0 } },
    {
      ...quiet,
      y: high,
      line: { width: 0 },
      fill: "tonexty",
      fillcolor: `rgba(${red},${green},${blue},.2)`,
    },
    { ...quiet, y: middle, name: escapeLabel(name), line: { width: 1.25, color, dash: "dot" } },
  ];
}

/** L2 norm of each layer's gradient, weights and bias; an exact zero has a mark of its own. */
export class GradientChart extends Chart {
  constructor(Plotly, panel) {
    super(Plotly, panel);
    this.decades = new SteadyRange(1);
    this.linear = new SteadyRange(1e-3);
  }

  forget() {
    super.forget();
    this.forgetRanges();
  }

  forgetRanges() {
    this.decades.forget();
    this.linear.forget();
  }

  range(norms, log, shared) {
    if (shared) this.forgetRanges();
    const seen = shared ?? bounds([norms], 0) ?? [1e-3, 1];
    if (log) {
      const [low, high] = this.decades.take(seen.map(Math.log10));
      return [low - 0.5, high + 0.34 * (high - low + 0.5)]; // room for the printed values
    }
    this.linear.step = 10 ** Math.floor(Math.log10(seen[1]));
    return [0, 1.34 * this.linear.take([0, seen[1]])[1]];
  }

  hover(layer, norm, what, text, format) {
    return [
      `${escapeLabel(layer.name)}, ${escapeLabel(what)}: ${format.scientific(norm)}`,
      `${escapeLabel(text.weight_norm)}: ${format.value(layer.weight_norm)}`,
      `${escapeLabel(text.update_ratio)}: ${format.scientific(layer.update_ratio)}`,
      `${escapeLabel(text.changed_share)}: ${format.percent(layer.changed_share)}`,
    ].join("<br>");
  }

  bars({ header, text, theme, format }, part, { shift, width, size }) {
    const norms = header.layers.map((layer) => layer[`${part}_grad_norm`]);
    const what = part === "weight" ? text.weights : text.bias;
    return {
      type: "bar",
      orientation: "h",
      x: norms.map((norm) => (norm > 0 ? norm : null)),
      y: norms.map((_, index) => index),
      offset: shift - width / 2,
      width,
      marker: { color: part === "weight" ? theme.weights : theme.bias },
      text: norms.map((norm) => (size && norm > 0 ? scientific(norm) : "")),
      textposition: "outside",
      textfont: { size: (size || 1) * theme.scale, color: theme.text },
      cliponaxis: false,
      constraintext: "none",
      hovertext: header.layers.map((layer, at) => this.hover(layer, norms[at], what, text, format)),
      hoverinfo: "text",
    };
  }

  zeros({ header, text, theme }, floor, shapes) {
    const marks = [];
    for (const [part, { shift, size }] of Object.entries(shapes)) {
      header.layers.forEach((layer, index) => {
        const norm = layer[`${part}_grad_norm`];
        if (norm === 0) marks.push([index + shift, size ? text.exact_zero : ""]);
        else if (norm === null) marks.push([index + shift, size ? text.not_finite : ""]);
      });
    }
    return {
      type: "scatter",
      mode: "markers+text",
      x: marks.map(() => floor),
      y: marks.map(([y]) => y),
      text: marks.map(([, words]) => `\u00a0${escapeLabel(words)}`),
      textposition: "middle right",
      textfont: { size: 12 * theme.scale, color: theme.dead },
      marker: { symbol: "diamond-open", size: 9, color: theme.dead, line: { width: 2 } },
      cliponaxis: false,
      hoverinfo: "skip",
    };
  }

  draw(view) {
    const { header, text, theme } = view;
    const log = this.panel.scale === "log";
    const count = header.layers.length;
    const room = (this.node.clientHeight - 48) / count; // pixels for one layer
    const size = room > 15 ? 12 : 10;
    const shapes = {
      weight: { shift: -0.2, width: 0.4, size },
      bias: { shift: 0.2, width: 0.4, size: room > 30 ? 12 : 0 },
    };
    const norms = header.layers.flatMap((layer) => [layer.weight_grad_norm, layer.bias_grad_norm]);
    const range = this.range(norms, log, header.ranges?.gradients);
    const nearFloor = range[0] + 0.03 * (range[1] - range[0]); // clear of the layer's name
    const floor = log ? 10 ** nearFloor : nearFloor;
    const xaxis = axis(theme, text.gradients_axis, {
      type: log ? "log" : "linear",
      range,
      nticks: 5,
      exponentformat: "power",
      ...(log ? { dtick: Math.max(1, Math.ceil((range[1] - range[0]) / 6)) } : {}),
    });
    const yaxis = layerAxis(theme, header.layers);
    const traces = [
      this.bars(view, "weight", shapes.weight),
      this.bars(view, "bias", shapes.bias),
      this.zeros(view, floor, shapes),
    ];
    const whole = layout(theme, xaxis, yaxis, { l: layerMargin(header.layers) });
    this.panel.node.dataset.digest = norms.join(" ");
    return this.show(traces, { ...whole, hovermode: "closest", barmode: "overlay" });
  }
}

/** The points of train and dev over the canvas that shows what the network says of the plane. */
export class PointChart extends Chart {
  trace({ arrays, header, theme, text }, part, classIndex, color) {
    const keep = [];
    arrays.points_part.values.forEach((value, at) => {
      if (value === part && arrays.points_label.values[at] === classIndex) keep.push(at);
    });
    const pick = (name) => keep.map((at) => arrays[name].values[at]);
    const words = [header.classes[classIndex], part ? text.dev : text.train].map(escapeLabel);
    return {
      x: pick("points_x"),
      y: pick("points_y"),
      mode: "markers",
      marker: part
        ? { symbol: "diamond", size: 7, color, line: { width: 1.25, color: theme.text } }
        : { symbol: "circle", size: 5, color, line: { width: 0.75, color: theme.background } },
      hovertext: words.join(", "),
      hoverinfo: "x+y+text",
    };
  }

  /** Draw points and axes; they change only with the run, the theme and the zoom. */
  draw(view) {
    const { header, theme, arrays } = view;
    const [x0, x1, y0, y1] = header.extent;
    const [xTitle, yTitle] = header.axes;
    const stamp = `${header.run}/${this.zooms}/${theme.background}/${arrays.points_x.values.length}`;
    if (stamp === this.stamp && arrays.points_x === this.points) return undefined;
    [this.stamp, this.points] = [stamp, arrays.points_x];
    const traces = [0, 1].flatMap((part) =>
      header.colors.map((color, index) => this.trace(view, part, index, color)),
    );
    const plain = { nticks: 6, showgrid: false };
    const xaxis = axis(theme, xTitle, { range: [x0, x1], ...plain });
    const yaxis = axis(theme, yTitle, { range: [y0, y1], ...plain });
    return this.show(traces, {
      ...layout(theme, xaxis, yaxis, { l: 50 }),
      hovermode: "closest",
    });
  }
}

/** The empty axes under the distribution of activations; a canvas draws the shapes. */
export class ActivationAxes extends Chart {
  draw({ header, theme, text, hidden }) {
    const names = hidden.map((layer) => layer.name).join();
    const range = header.ranges?.activations ?? header.histogram_range;
    const stamp = `${header.run}/${this.zooms}/${theme.background}/${names}/${range}`;
    if (stamp === this.stamp) return undefined;
    this.stamp = stamp;
    const xaxis = axis(theme, text.activations_axis, { range, nticks: 6 });
    const yaxis = layerAxis(theme, hidden);
    const traces = [{ x: [], y: [], mode: "markers", hoverinfo: "skip" }];
    return this.show(traces, {
      ...layout(theme, xaxis, yaxis, { l: layerMargin(hidden) }),
      hovermode: false,
    });
  }
}
