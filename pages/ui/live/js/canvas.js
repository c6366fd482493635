// What is painted on a canvas under Plotly's axes, because it changes as a whole at every frame.

import { rgb } from "../../widgets/style.js";

const mix = (from, to, share) => from.map((value, at) => value + (to[at] - value) * share);

/** Lay the canvas under the plot area and return how data become device pixels there. */
function fit(canvas, plot) {
  const { xaxis, yaxis } = plot._fullLayout;
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [xaxis._length, yaxis._length];
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  const box = { left: xaxis._offset, top: yaxis._offset, width, height };
  for (const [name, value] of Object.entries(box)) canvas.style[name] = `${value}px`;
  const [x0, x1] = xaxis.range;
  const [y0, y1] = yaxis.range;
  return {
    ratio,
    width: w,
    height: h,
    x: (value) => ((value - x0) / (x1 - x0)) * w,
    y: (value) => ((y1 - value) / (y1 - y0)) * h,
  };
}

/** Colour of every cell: pale where the network is unsure, full where it is certain. */
function tint({ header, arrays, theme }) {
  const cells = arrays.boundary.values;
  const classes = arrays.boundary_class?.values;
  const back = rgb(theme.background);
  const colors = header.colors.map(rgb);
  const strength = theme.dark ? 0.55 : 0.6;
  const shade = (winner, certainty) => mix(back, colors[winner], strength * certainty);
  const table = classes
    ? colors.map((_, winner) => ramp((value) => shade(winner, 0.25 + (0.75 * value) / 255)))
    : [ramp((value) => shade(value > 127.5 ? 1 : 0, Math.abs(value / 127.5 - 1)))];
  const pixels = new Uint8ClampedArray(4 * cells.length);
  for (let at = 0; at < cells.length; at++) {
    pixels.set(table[classes ? classes[at] : 0][cells[at]], 4 * at);
  }
  return pixels;
}

const ramp = (color) => Array.from({ length: 256 }, (_, value) => [...color(value), 255]);

/** Each segment [x, y, x, y], in cells, where a field on the grid crosses zero. */
export function crossings(field, rows, columns) {
  const segments = [];
  for (let row = 0; row + 1 < rows; row++) {
    for (let column = 0; column + 1 < columns; column++) {
      const at = row * columns + column;
      const a = field[at];
      const b = field[at + 1];
      const c = field[at + columns + 1];
      const d = field[at + columns];
      const ends = [];
      if (a > 0 !== b > 0) ends.push([column + a / (a - b), row]);
      if (b > 0 !== c > 0) ends.push([column + 1, row + b / (b - c)]);
      if (d > 0 !== c > 0) ends.push([column + d / (d - c), row + 1]);
      if (a > 0 !== d > 0) ends.push([column, row + a / (a - d)]);
      if (ends.length >= 2) segments.push([...ends[0], ...ends[1]]);
      if (ends.length === 4) segments.push([...ends[2], ...ends[3]]);
    }
  }
  return segments;
}

/** Weights 1 2 1 along rows (step 1) or columns (step: cells of a row): no stairs in a border. */
function blurred(field, columns, step) {
  return field.map((value, at) => {
    const inRow = step > 1 || (at % columns !== 0 && at % columns !== columns - 1);
    const [before, after] = [field[at - step], field[at + step]];
    if (!inRow || before === undefined || after === undefined) return value;
    return (before + 2 * value + after) / 4;
  });
}

function borders({ header, arrays }) {
  const { values, shape } = arrays.boundary;
  const classes = arrays.boundary_class?.values;
  if (!classes) return crossings(Array.from(values, (value) => value - 127.5), ...shape);
  // Where two classes compete the winner leads by 2p - 1, which falls to 0 at their border.
  const lead = Array.from(values, (value) => Math.max(8, value - 127.5));
  const field = (winner) => lead.map((value, at) => (classes[at] === winner ? value : -value));
  const smooth = (winner) => blurred(blurred(field(winner), shape[1], 1), shape[1], shape[1]);
  return header.colors.flatMap((_, winner) => crossings(smooth(winner), ...shape));
}

/** The network's answer for the whole plane, and the line where it changes its mind. */
export class BoundaryCanvas {
  constructor(panel) {
    this.canvas = panel.canvas;
    this.plot = panel.plot;
    this.image = document.createElement("canvas");
  }

  paint(view) {
    const place = fit(this.canvas, this.plot);
    const context = this.canvas.getContext("2d");
    this.paintCells(context, place, view);
    this.paintBorders(context, place, view);
  }

  paintCells(context, place, view) {
    const [rows, columns] = view.arrays.boundary.shape;
    const [x0, x1, y0, y1] = view.header.extent;
    [this.image.width, this.image.height] = [columns, rows];
    const pixels = new ImageData(tint(view), columns, rows);
    this.image.getContext("2d").putImageData(pixels, 0, 0);
    context.clearRect(0, 0, place.width, place.height);
    context.save();
    context.imageSmoothingEnabled = true;
    context.translate(place.x(x0), place.y(y0)); // row 0 is the smallest y: turn it upside down
    context.scale((place.x(x1) - place.x(x0)) / columns, (place.y(y1) - place.y(y0)) / rows);
    context.drawImage(this.image, 0, 0);
    context.restore();
  }

  paintBorders(context, place, view) {
    const [rows, columns] = view.arrays.boundary.shape;
    const [x0, x1, y0, y1] = view.header.extent;
    const x = (cell) => place.x(x0 + ((cell + 0.5) / columns) * (x1 - x0));
    const y = (cell) => place.y(y0 + ((cell + 0.5) / rows) * (y1 - y0));
    context.beginPath();
    for (const [xa, ya, xb, yb] of borders(view)) {
      context.moveTo(x(xa), y(ya));
      context.lineTo(x(xb), y(yb));
    }
    context.lineCap = "round";
    for (const [color, width] of [[view.theme.background, 5], [view.theme.text, 2.5]]) {
      context.strokeStyle = color;
      context.lineWidth = width * place.ratio;
      context.stroke();
    }
  }
}

/** One ridge for each hidden layer: where its activations lie, their mean and spread. */
export class RidgeCanvas {
  constructor(panel) {
    this.canvas = panel.canvas;
    this.plot = panel.plot;
  }

  paint(view) {
    this.place = fit(this.canvas, this.plot);
    const context = this.canvas.getContext("2d");
    context.clearRect(0, 0, this.place.width, this.place.height);
    view.hidden.forEach((layer, row) => this.paintLayer(context, view, layer, row));
  }

  paintLayer(context, view, layer, row) {
    const { place } = this;
    const base = place.y(row + 0.36);
    const height = base - place.y(row - 0.46);
    this.paintRidge(context, view, row, base, height);
    if (!Number.isFinite(layer.activation_mean)) return;
    const [mean, std] = [layer.activation_mean, layer.activation_std ?? 0];
    context.strokeStyle = context.fillStyle = view.theme.text;
    context.lineWidth = 2 * place.ratio;
    context.beginPath();
    context.moveTo(place.x(mean - std), base);
    context.lineTo(place.x(mean + std), base);
    context.stroke();
    context.beginPath();
    context.arc(place.x(mean), base, Math.min(3.5 * place.ratio, height / 6), 0, 7);
    context.fill();
  }

  paintRidge(context, view, row, base, height) {
    const { place } = this;
    const [low, high] = view.header.histogram_range;
    const shares = rowOf(view.arrays.histogram, row);
    const peak = Math.max(...shares) || 1;
    const edge = (bin) => place.x(low + (bin / shares.length) * (high - low));
    context.beginPath();
    context.moveTo(edge(0), base);
    shares.forEach((share, bin) => {
      const top = base - (share / peak) * height;
      context.lineTo(edge(bin), top);
      context.lineTo(edge(bin + 1), top);
    });
    context.lineTo(edge(shares.length), base);
    context.globalAlpha = 0.45;
    context.fillStyle = view.theme.weights;
    context.fill();
    context.globalAlpha = 1;
    context.strokeStyle = view.theme.weights;
    context.lineWidth = 1.5 * place.ratio;
    context.stroke();
  }
}

export function rowOf({ values, shape }, row) {
  return values.subarray(row * shape[1], (row + 1) * shape[1]);
}
