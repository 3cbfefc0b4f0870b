import { LitElement, html, nothing } from '../vendor/lit.js';
import { ThemePainter, diverging, sequential, theme } from './colour.js';
import { short } from '../numbers.js';

/**
 * A matrix on a canvas: one tab stop, the arrow keys of a grid, a real table of the focused row behind it.
 * Properties: rows and columns (labels), data (−∞ where masked), row and column (chosen), signed, scale.
 */
class HeatMap extends LitElement {
  static properties = {
    rows: { attribute: false }, columns: { attribute: false }, data: { attribute: false },
    row: { type: Number }, column: { type: Number }, signed: { type: Boolean }, scale: {}, cell: { type: Number }, label: {}, wide: { type: Boolean },
  };

  constructor() {
    super();
    /** @type {string[]} */ this.rows = [];
    /** @type {string[]} */ this.columns = [];
    /** @type {ArrayLike<number>} */ this.data = [];
    this.row = -1;
    this.column = -1;
    this.signed = false;
    this.scale = 'fixed';
    this.cell = 0;
    this.label = '';
    this.wide = false;
    /** @type {{r: number, c: number, x: number, y: number} | null} */ this.over = null;
    new ThemePainter(this, () => this.paint());
  }

  createRenderRoot() {
    return this;
  }

  get size() {
    if (this.cell) return this.cell;
    const room = Math.min(560, (this.parentElement?.clientWidth ?? 560) - this.left - 8);
    return Math.max(6, Math.min(30, Math.floor(room / Math.max(1, this.columns.length))));
  }

  get left() {
    return this.wide ? 0 : 84;
  }

  get above() {
    return this.wide ? 0 : 64;
  }

  render() {
    const r = Math.max(0, this.row);
    const width = this.columns.length;
    return html`
      <div class="heat" role="grid" tabindex="0" aria-label=${this.label} aria-rowcount=${this.rows.length} aria-colcount=${width}
        aria-describedby="heat-help" @keydown=${this.keys}>
        <canvas role="presentation" @pointermove=${this.move} @pointerleave=${() => { this.over = null; this.requestUpdate(); this.tell('hover', -1, -1); }}
          @click=${this.choose}></canvas>
        ${this.over ? this.tip() : nothing}
        <div class="sr" role="row">${this.row >= 0 && this.column >= 0 ? html`<span role="gridcell">${this.text(r, this.column)}</span>` : html`<span role="gridcell">none</span>`}</div>
      </div>`;
  }

  /** @param {number} r @param {number} c */
  text(r, c) {
    const v = this.data[r * this.columns.length + c];
    return `${this.rows[r]} → ${this.columns[c]} ${v === -Infinity ? 'masked' : short(v)}`;
  }

  tip() {
    const { r, c } = /** @type {any} */ (this.over);
    return html`<div class="tip">${this.text(r, c)}</div>`;
  }

  updated() {
    this.paint();
    const tip = /** @type {HTMLElement | null} */ (this.querySelector('.tip'));
    if (tip && this.over) {
      tip.style.left = `${Math.max(60, this.over.x)}px`;
      tip.style.top = `${this.over.y}px`;
    }
  }

  paint() {
    const canvas = this.querySelector('canvas');
    if (!canvas || !this.data.length) return;
    const [R, C, s, left, above] = [this.rows.length, this.columns.length, this.size, this.left, this.above];
    const ratio = devicePixelRatio || 1;
    canvas.width = (left + C * s + 1) * ratio;
    canvas.height = (above + R * s + 1) * ratio;
    canvas.style.width = `${left + C * s + 1}px`;
    canvas.style.height = `${above + R * s + 1}px`;
    const g = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    g.scale(ratio, ratio);
    g.fillStyle = theme('--page');
    g.fillRect(0, 0, left + C * s + 1, above + R * s + 1);
    let most = 0;
    if (this.signed) for (let i = 0; i < this.data.length; i++) if (Number.isFinite(this.data[i])) most = Math.max(most, Math.abs(this.data[i]));
    for (let r = 0; r < R; r++) {
      let largest = 1;
      if (this.scale === 'row') {
        largest = 0;
        for (let c = 0; c < C; c++) largest = Math.max(largest, this.data[r * C + c]);
      }
      for (let c = 0; c < C; c++) {
        const v = this.data[r * C + c];
        const [x, y] = [left + c * s, above + r * s];
        if (v === -Infinity || Number.isNaN(v)) {
          hatch(g, x, y, s);
          continue;
        }
        const colour = this.signed ? diverging(most ? v / most : 0) : sequential(this.scale === 'log' ? 1 + Math.log10(Math.max(1e-4, v)) / 4 : largest ? v / largest : 0);
        g.fillStyle = `rgb(${colour[0]},${colour[1]},${colour[2]})`;
        g.fillRect(x, y, s, s);
      }
    }
    g.strokeStyle = theme('--rule');
    g.lineWidth = 1;
    g.strokeRect(left + 0.5, above + 0.5, C * s, R * s);
    if (!this.wide) this.names(g, R, C, s, left, above);
    g.strokeStyle = theme('--attention');
    g.lineWidth = 2;
    if (this.row >= 0) g.strokeRect(left, above + this.row * s, C * s, s);
    if (this.column >= 0 && this.row >= 0) {
      g.strokeStyle = theme('--ink');
      g.strokeRect(left + this.column * s, above + this.row * s, s, s);
    }
  }

  /** @param {CanvasRenderingContext2D} g @param {number} R @param {number} C @param {number} s @param {number} left @param {number} above */
  names(g, R, C, s, left, above) {
    g.font = `${Math.min(12, Math.max(9, s - 2))}px Mono, monospace`;
    g.textBaseline = 'middle';
    g.textAlign = 'right';
    const every = Math.max(1, Math.ceil(11 / s));
    for (let r = 0; r < R; r += every) {
      g.fillStyle = r === this.row ? theme('--ink') : theme('--muted');
      g.fillText(this.rows[r].slice(0, 10), left - 6, above + r * s + s / 2);
    }
    g.textAlign = 'left';
    for (let c = 0; c < C; c += every) {
      g.fillStyle = c === this.column ? theme('--ink') : theme('--muted');
      g.save();
      g.translate(left + c * s + s / 2, above - 5);
      g.rotate(-Math.PI / 3);
      g.fillText(this.columns[c].slice(0, 9), 0, 0);
      g.restore();
    }
  }

  /** @param {PointerEvent | MouseEvent} e */
  cellAt(e) {
    const box = /** @type {HTMLElement} */ (this.querySelector('canvas')).getBoundingClientRect();
    const c = Math.floor((e.clientX - box.left - this.left) / this.size);
    const r = Math.floor((e.clientY - box.top - this.above) / this.size);
    return r >= 0 && c >= 0 && r < this.rows.length && c < this.columns.length ? { r, c, x: e.clientX - box.left, y: e.clientY - box.top } : null;
  }

  /** @param {PointerEvent} e */
  move(e) {
    const at = this.cellAt(e);
    if (at?.r === this.over?.r && at?.c === this.over?.c) return;
    this.over = at;
    this.requestUpdate();
    this.tell('hover', at?.r ?? -1, at?.c ?? -1);
  }

  /** @param {MouseEvent} e */
  choose(e) {
    const at = this.cellAt(e);
    if (at) this.tell('pick', at.r, at.c);
  }

  /** @param {KeyboardEvent} e */
  keys(e) {
    /** @type {Record<string, [number, number]>} */
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Home: [0, -1e6], End: [0, 1e6], PageUp: [-8, 0], PageDown: [8, 0] };
    if (e.key === 'Enter' || e.key === ' ') {
      e.preventDefault();
      this.tell('pick', Math.max(0, this.row), Math.max(0, this.column));
      return;
    }
    const by = moves[e.key];
    if (!by) return;
    e.preventDefault();
    const r = Math.min(this.rows.length - 1, Math.max(0, Math.max(0, this.row) + by[0]));
    const c = Math.min(this.columns.length - 1, Math.max(0, Math.max(0, this.column) + by[1]));
    this.tell('pick', r, c);
  }

  /** @param {string} what @param {number} row @param {number} column */
  tell(what, row, column) {
    this.dispatchEvent(new CustomEvent(`heat-${what}`, { detail: { row, column }, bubbles: true }));
  }
}

/** @param {CanvasRenderingContext2D} g @param {number} x @param {number} y @param {number} s */
function hatch(g, x, y, s) {
  g.save();
  g.beginPath();
  g.rect(x, y, s, s);
  g.clip();
  g.strokeStyle = theme('--rule');
  g.lineWidth = 1;
  for (let d = -s; d < s; d += 4) {
    g.beginPath();
    g.moveTo(x + d, y + s);
    g.lineTo(x + d + s, y);
    g.stroke();
  }
  g.restore();
}

customElements.define('heat-map', HeatMap);

/**
 * The focused row as a table: what the picture shows, for everyone.
 * @param {string} caption @param {string[]} labels @param {ArrayLike<number>} values @param {(i: number) => any} number
 */
export const rowTable = (caption, labels, values, number) => html`<details><summary>${caption}</summary><div class="scroll" tabindex="0" role="region" aria-label=${caption}>
  <table class="data"><thead><tr><th>token</th><th class="r">value</th></tr></thead><tbody>${labels.map((l, i) => html`<tr><td class="mono">${l}</td>
  <td class="r">${number(i)}</td></tr>`)}</tbody></table></div></details>`;

