// The HTML around the charts: figures of merit, cards with title, legend and toggle, units per layer.

import { fill } from "../../widgets/style.js";

export function element(tag, className, parent, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text; // never innerHTML: names come from users
  parent?.append(node);
  return node;
}

const write = (node, text) => {
  if (node.textContent !== text) node.textContent = text;
};

/** The link names a chart's scale where it is not the usual one; the server writes it there. */
function linkedScale(name, scales) {
  const asked = new URLSearchParams(location.search).get(`view.${name}_scale`);
  return scales.includes(asked) ? asked : scales[0];
}

/** A card: header with title, legend, log/linear toggle, and a body for one chart. */
export class Panel {
  constructor(parent, name, { scales, canvas } = {}) {
    this.node = element("div", `live-card chart-${name}`, parent);
    this.name = name;
    const head = element("header", "live-card-head", this.node);
    this.title = element("h3", "", head);
    this.legend = element("span", "live-legend", head);
    this.resetZoom = element("button", "live-button live-reset-zoom", head);
    this.resetZoom.type = "button";
    this.resetZoom.hidden = true;
    this.scale = scales && linkedScale(name, scales);
    this.buttons = scales ? this.addScales(head, scales) : [];
    this.body = element("div", "live-card-body", this.node);
    this.canvas = canvas ? element("canvas", "live-canvas", this.body) : null;
    this.plot = element("div", "live-plot", this.body);
    for (const drawn of [this.canvas, this.plot]) drawn?.setAttribute("aria-hidden", "true");
    this.empty = element("p", "live-empty", this.body);
    this.empty.hidden = true;
    this.node.setAttribute("role", "figure");
    this.redraw = () => {};
    this.tellScale = () => {};
  }

  addScales(head, scales) {
    const group = element("span", "live-scales", head);
    return scales.map((scale) => {
      const button = element("button", "live-button", group);
      button.type = "button";
      button.dataset.scale = scale;
      button.addEventListener("click", () => this.choose(scale));
      return button;
    });
  }

  choose(scale) {
    this.scale = scale;
    this.tellScale(scale);
    this.label(this.text);
    this.resetZoom.click(); // a range of the other scale means something else
  }

  /** Name the card for a screen reader: the run, what the chart is, and its figures now. */
  label(text, runName = this.runName, now = this.now) {
    [this.text, this.runName, this.now] = [text, runName, now];
    write(this.title, text[`${this.name}_title`]);
    write(this.resetZoom, text.reset_zoom);
    const alt = [runName, text[`${this.name}_alt`], now].filter(Boolean).join(". ");
    if (alt !== this.alt) this.node.setAttribute("aria-label", alt);
    this.alt = alt;
    for (const button of this.buttons) {
      write(button, text[button.dataset.scale]);
      button.setAttribute("aria-pressed", String(button.dataset.scale === this.scale));
    }
  }

  /** Entries: [class of the mark, words, color]. */
  setLegend(entries) {
    const stamp = JSON.stringify(entries);
    if (stamp === this.legendStamp) return;
    this.legendStamp = stamp;
    this.legend.replaceChildren();
    for (const [mark, words, color] of entries) {
      const item = element("span", "live-legend-item", this.legend);
      const swatch = element("i", `live-mark live-mark-${mark}`, item);
      if (color) swatch.style.setProperty("--mark", color);
      element("span", "", item, words);
    }
  }

  showEmpty(sentence) {
    this.empty.hidden = !sentence;
    this.body.classList.toggle("is-empty", Boolean(sentence));
    if (sentence) write(this.empty, sentence);
  }
}

const TILES = ["epoch", "train_loss", "dev_loss", "train_accuracy", "dev_accuracy",
  "epochs_per_second", "test_best", "test_last"];

/** The strip of figures of merit above the charts, with the run's name if it is one of several. */
export class Merits {
  constructor(parent) {
    this.node = element("div", "live-merits", parent);
    this.name = element("h2", "live-name", this.node);
    this.tiles = Object.fromEntries(TILES.map((name) => [name, this.addTile(name)]));
    this.bar = element("i", "live-progress", this.tiles.epoch.node);
    this.status = element("span", "live-status", this.tiles.epoch.head);
    this.status.setAttribute("role", "status"); // said aloud when it changes
    this.banner = element("div", "live-banner", parent);
    this.banner.setAttribute("role", "alert");
    this.banner.hidden = true;
  }

  addTile(name) {
    const node = element("div", `live-merit merit-${name.replaceAll("_", "-")}`, this.node);
    const head = element("div", "live-merit-head", node);
    const label = element("span", "live-merit-label", head);
    const figure = element("div", "live-merit-figure", node);
    const value = element("span", "live-merit-value", figure);
    const note = element("span", "live-merit-note", figure);
    const when = element("span", "live-merit-when", head);
    return { node, head, label, when, value, note };
  }

  set(name, value, note = "") {
    write(this.tiles[name].value, value);
    write(this.tiles[name].note, note);
  }

  draw({ header, text, format }) {
    const { merit } = header;
    write(this.name, header.name);
    for (const name of TILES) write(this.tiles[name].label, text[name]);
    this.set("epoch", format.whole(header.epoch), `/ ${format.whole(header.epochs)}`);
    this.bar.style.setProperty("--share", Math.min(1, header.epoch / Math.max(1, header.epochs)));
    for (const part of ["train", "dev"]) {
      this.set(`${part}_loss`, format.loss(merit[`${part}_loss`]));
      this.set(`${part}_accuracy`, format.percent(merit[`${part}_accuracy`]));
    }
    this.set("epochs_per_second", format.rate(merit.epochs_per_second));
    this.drawTest("test_best", merit.test?.best, text, format);
    this.drawTest("test_last", merit.test?.last, text, format);
    this.drawStatus(header, text);
  }

  drawTest(name, test, text, format) {
    this.tiles[name].node.classList.toggle("is-waiting", !test);
    const epoch = test?.epoch === undefined ? "" : format.whole(test.epoch);
    write(this.tiles[name].when, epoch && fill(text.test_epoch, { epoch }));
    if (!test) return this.set(name, "–", text.test_waiting);
    const loss = fill(text.test_note, { loss: format.loss(test.loss) });
    return this.set(name, format.percent(test.score), loss);
  }

  drawStatus({ status, message, messages }, text) {
    write(this.status, text[`status_${status}`] ?? status);
    this.status.dataset.status = status;
    this.banner.dataset.status = status;
    this.drawBanner(message, messages ?? (message ? [message] : []));
  }

  /** Runs that stand side by side keep equal room for each other's sentences: rows line up. */
  drawBanner(own, all) {
    const stamp = JSON.stringify([own, all]);
    if (stamp === this.bannerStamp) return;
    this.bannerStamp = stamp;
    this.banner.hidden = !all.length;
    this.banner.classList.toggle("is-hollow", !own);
    this.banner.replaceChildren();
    for (const words of all) {
      element("span", words === own ? "" : "live-foreign", this.banner, words);
    }
  }
}

/** Dead and distinct units of each hidden layer, as bars with "k of n". */
export class UnitTable {
  constructor(panel) {
    this.panel = panel;
    panel.plot.remove();
    this.table = element("table", "live-units", panel.body);
    this.stamp = "";
  }

  build({ hidden, text }) {
    const stamp = JSON.stringify([hidden.map((layer) => layer.name), text.dead, text.distinct]);
    if (stamp === this.stamp) return;
    this.stamp = stamp;
    this.table.replaceChildren();
    this.table.classList.toggle("is-dense", hidden.length > 6);
    const head = element("tr", "", element("thead", "", this.table));
    element("td", "", head);
    for (const words of [text.dead, text.distinct, text.saturated]) {
      element("th", "", head, words).scope = "col";
    }
    const body = element("tbody", "", this.table);
    this.rows = hidden.map((layer) => this.addRow(body, layer));
  }

  addRow(body, layer) {
    const row = element("tr", "", body);
    element("th", "", row, layer.name).scope = "row";
    return ["dead", "distinct", "saturated"].map((kind) => {
      const cell = element("td", `live-units-${kind}`, row);
      const words = element("span", "", cell);
      return { words, bar: element("i", "", element("b", "", cell)) };
    });
  }

  draw(view) {
    this.build(view);
    const { hidden, text, format } = view;
    hidden.forEach((layer, at) => {
      const [dead, distinct, saturated] = this.rows[at];
      this.count(dead, layer.dead_units, layer.units, text);
      this.count(distinct, layer.distinct_units, layer.units, text);
      write(saturated.words, format.percent(layer.saturated_share));
      saturated.bar.style.width = `${100 * (layer.saturated_share ?? 0)}%`;
    });
    this.panel.node.dataset.digest = hidden
      .map((layer) => `${layer.dead_units}/${layer.distinct_units}/${layer.saturated_share}`)
      .join(" ");
  }

  count({ words, bar }, k, n, text) {
    write(words, fill(text.of, { k, n }));
    bar.style.width = `${(100 * k) / n}%`;
  }
}
