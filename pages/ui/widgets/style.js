// Colours of the theme, numbers as people read them, and axis ranges that do not jitter.

const LIGHT = { dev: "#8e24aa", weights: "#00796b", bias: "#9fd3cb", dead: "#c2185b" };
const DARK = { dev: "#d9a2f0", weights: "#4dc4b3", bias: "#2b6b62", dead: "#ff80ab" };

const channels = (color) => {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  context.fillStyle = color;
  context.fillRect(0, 0, 1, 1);
  return Array.from(context.getImageData(0, 0, 1, 1).data.slice(0, 3));
};
const known = new Map();

/** Any CSS color as [red, green, blue], 0-255. */
export function rgb(color) {
  if (!known.has(color)) known.set(color, channels(color));
  return known.get(color);
}

/** By how much presenter mode enlarges the type of charts. */
export const pageScale = () =>
  Number(getComputedStyle(document.documentElement).getPropertyValue("--nndl-scale")) || 1;

/** The colours of the page around the component, read from Streamlit's CSS variables. */
export function readTheme(element) {
  const style = getComputedStyle(element);
  const value = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
  const background = value("--st-background-color", "#ffffff");
  const [red, green, blue] = rgb(background);
  const dark = 0.299 * red + 0.587 * green + 0.114 * blue < 128;
  return {
    background,
    dark,
    text: value("--st-text-color", dark ? "#fafafa" : "#1f2430"),
    grid: dark ? "rgba(255,255,255,.13)" : "rgba(20,30,50,.11)",
    scale: pageScale(),
    font: style.fontFamily,
    ...(dark ? DARK : LIGHT),
  };
}

/** Plotly reads some tags in its labels: text of a user must reach it escaped. */
export const escapeLabel = (text) =>
  String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

export function scientific(value) {
  if (value === 0) return "0";
  const [digits, exponent] = value.toExponential(2).split("e");
  return `${digits}e${Number(exponent)}`;
}

export function formatters({ locale, percent }) {
  const plain = (digits) =>
    new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  const [whole, tenths, four] = [plain(0), plain(1), plain(4)];
  const loss = (value) =>
    value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e4)
      ? scientific(value)
      : four.format(value);
  const dashed = (format) => (value) => (isNumber(value) ? format(value) : "–");
  return {
    whole: dashed((value) => whole.format(value)),
    percent: dashed((value) => fill(percent, { percent: tenths.format(100 * value) })),
    loss: dashed(loss),
    rate: dashed((value) => (value < 100 ? tenths : whole).format(value)),
    value: dashed((value) => Number(value.toPrecision(3)).toString()),
    scientific: dashed(scientific),
  };
}

/** Fill the {names} of a sentence. */
export const fill = (sentence, values) =>
  sentence.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));

/** The smallest of 10, 20, 50, 100, ... that holds the epoch, but no more than the target. */
export function epochSpan(epoch, target) {
  let span = 10;
  for (let step = 0; span < epoch * 1.02; step++) span *= step % 3 === 1 ? 2.5 : 2;
  return Math.max(1, target > 0 ? Math.max(epoch, Math.min(span, target)) : span);
}

/** Smallest and largest finite value above a limit, or null when there is none. */
export function bounds(lists, above = -Infinity) {
  let low = Infinity;
  let high = -Infinity;
  for (const list of lists) {
    for (const value of list) {
      if (!Number.isFinite(value) || value <= above) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return low <= high ? [low, high] : null;
}

/** Grows in whole steps with what it has seen of a run, and never shrinks: axes stand still. */
export class SteadyRange {
  constructor(step) {
    this.step = step;
    this.forget();
  }

  forget() {
    this.low = Infinity;
    this.high = -Infinity;
  }

  take([low, high]) {
    this.low = Math.min(this.low, Math.floor(low / this.step) * this.step);
    this.high = Math.max(this.high, Math.ceil(high / this.step) * this.step);
    if (this.high === this.low) this.high += this.step;
    return [this.low, this.high];
  }
}
