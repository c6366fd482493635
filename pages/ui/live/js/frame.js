// Reads the frames that the server sends and keeps what the browser already has of a run.

const TYPES = { float32: Float32Array, uint8: Uint8Array, uint16: Uint16Array };
export const CURVES = ["curve_epoch", "train_loss", "dev_loss", "train_accuracy", "dev_accuracy"];

const padded = (size) => Math.ceil(size / 8) * 8;

/** Split one message into its JSON header and its named arrays. */
export function decode(bytes) {
  const buffer = bytes.slice().buffer; // a copy starts at offset 0, so every array is aligned
  const length = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const arrays = {};
  let offset = 4 + length;
  for (const { name, dtype, shape } of header.arrays) {
    const count = shape.reduce((product, size) => product * size, 1);
    arrays[name] = { values: new TYPES[dtype](buffer, offset, count), shape };
    offset += padded(count * TYPES[dtype].BYTES_PER_ELEMENT);
  }
  return { header, arrays };
}

/** Lower quartile, median and upper quartile of a quantity over further seeds, or null. */
export function bandOf({ header, arrays }, name) {
  const array = arrays[`band_${name}`];
  if (!array || !header.band || header.band.done === header.band.diverged) return null;
  const n = array.shape[1];
  const row = (at) => Array.from(array.values.subarray(at * n, (at + 1) * n));
  return { x: Array.from(arrays.band_epoch.values), low: row(0), middle: row(1), high: row(2) };
}

/** Everything the browser knows about the run on screen. */
export class History {
  constructor() {
    this.header = null;
    this.curves = Object.fromEntries(CURVES.map((name) => [name, []]));
    this.arrays = {};
  }

  /** True when this frame says only what changed, and what it builds on is not here. */
  lacksBaseOf({ header }) {
    if (header.full) return false;
    if (this.header?.run !== header.run) return true;
    if (header.curve.from === 0) return false;
    const sameStride = this.header.curve.stride === header.curve.stride;
    return !sameStride || header.curve.from > this.curves.curve_epoch.length;
  }

  take({ header, arrays }) {
    for (const name of CURVES) {
      const fresh = arrays[name] ? Array.from(arrays[name].values) : [];
      this.curves[name] = this.curves[name].slice(0, header.curve.from).concat(fresh);
      delete arrays[name];
    }
    this.header = header.full ? header : { ...this.header, ...header };
    this.arrays = header.full ? arrays : { ...this.arrays, ...arrays };
  }
}
