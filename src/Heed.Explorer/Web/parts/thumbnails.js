import { LitElement, html, nothing } from '../vendor/lit.js';
import { styled } from './style.js';
import { ThemePainter, sequential } from './colour.js';
import { skeleton } from './states.js';

/** @typedef {import('../store.js').Store} Store */

/** One small picture of a head. */
class HeadThumb extends LitElement {
  static properties = { data: { attribute: false }, rows: { type: Number }, columns: { type: Number } };

  constructor() {
    super();
    /** @type {Uint8Array} */ this.data = new Uint8Array();
    this.rows = 0;
    this.columns = 0;
    new ThemePainter(this, () => this.updated());
  }

  createRenderRoot() {
    return this;
  }

  render() {
    return html`<canvas width=${this.columns} height=${this.rows}></canvas>`;
  }

  updated() {
    const canvas = this.querySelector('canvas');
    if (!canvas || !this.data.length) return;
    const g = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    const image = g.createImageData(this.columns, this.rows);
    for (let i = 0; i < this.data.length; i++) {
      const c = sequential(this.data[i] / 255);
      image.data.set([c[0], c[1], c[2], 255], 4 * i);
    }
    g.putImageData(image, 0, 0);
  }
}
customElements.define('head-thumb', HeadThumb);

/** The patterns of all heads: choose one. @param {Store} store */
export function thumbnails(store) {
  const { state, stack, trace } = store;
  const kind = state.x.cross && stack.cross ? 'cross' : 'self';
  const all = store.use(`${trace.id}|thumbs|${state.S}|${kind}`, signal => store.engine.numbers('thumbnails', { trace: trace.id, stack: state.S, kind }, signal));
  if (!all) return skeleton(4);
  const [L, H, rows, columns] = all.shape;
  const size = rows * columns;
  const off = new Set(state.iv);
  const prefix = state.S ? state.S + '.' : '';
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Every head"><div class="thumbs" role="group" aria-label="Heads" ${styled({ 'grid-template-columns': `auto repeat(${H}, auto)` })}>
    <span></span>${Array.from({ length: H }, (_, h) => html`<span class="lab">${h}</span>`)}
    ${Array.from({ length: L }, (_, n) => L - 1 - n).map(l => html`<span class="lab">layer ${l}</span>${Array.from({ length: H }, (_, h) => html`
      <button aria-pressed=${String(l === Math.min(state.L, L - 1) && h === Math.min(state.H, H - 1))} aria-label="layer ${l} head ${h}${off.has(`zero:${prefix}blocks.${l}.attn:${h}`) ? ', switched off' : ''}"
        title="layer ${l}, head ${h}" @click=${() => store.set({ L: l, H: h, view: state.view === 'mean' || state.view === 'rollout' ? '' : state.view })}>
        <head-thumb .data=${all.data.subarray((l * H + h) * size, (l * H + h + 1) * size)} .rows=${rows} .columns=${columns}></head-thumb></button>`)}`)}
  </div></div>${nothing}`;
}
