// Colours of the page's theme for canvases; read anew when the theme changes.

/** @type {Record<string, number[][]>} */ let ramps = {};
/** @type {Set<() => void>} */ const painters = new Set();

/** Colours of before are forgotten first, then everything that is painted is painted again. */
function changed() {
  ramps = {};
  for (const paint of painters) paint();
}
addEventListener('heed-theme', changed);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', changed);

/** Paints again whenever the theme changes, by the button or by the system, for as long as an element is in the page. */
export class ThemePainter {
  /** @param {import('../vendor/lit.js').LitElement} host @param {() => void} paint */
  constructor(host, paint) {
    this.paint = paint;
    host.addController(this);
  }

  hostConnected() {
    painters.add(this.paint);
  }

  hostDisconnected() {
    painters.delete(this.paint);
  }
}

/** @param {'s' | 'd'} kind @returns {number[][]} */
function ramp(kind) {
  if (ramps[kind]) return ramps[kind];
  const style = getComputedStyle(document.documentElement);
  return (ramps[kind] = Array.from({ length: 9 }, (_, i) => {
    const hex = style.getPropertyValue(`--${kind}${i}`).trim();
    return [1, 3, 5].map(at => parseInt(hex.slice(at, at + 2), 16));
  }));
}

/** @param {'s' | 'd'} kind @param {number} at from 0 to 1 @returns {number[]} */
function mixed(kind, at) {
  const colours = ramp(kind);
  const x = Math.min(1, Math.max(0, at)) * 8;
  const i = Math.min(7, Math.floor(x));
  return colours[i].map((c, n) => Math.round(c + (colours[i + 1][n] - c) * (x - i)));
}

/** Zero is the page. @param {number} p from 0 to 1 */
export const sequential = p => mixed('s', p);

/** Zero is the page; below blue, above orange. @param {number} v from −1 to 1 */
export const diverging = v => mixed('d', (v + 1) / 2);

/** @param {number[]} c */
export const css = c => `rgb(${c[0]} ${c[1]} ${c[2]})`;

/** A colour of the theme. @param {string} name */
export const theme = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
