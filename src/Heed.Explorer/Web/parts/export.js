import { html } from '../vendor/lit.js';
import { exact } from '../numbers.js';
import { program } from './program.js';

/** @typedef {import('../store.js').Store} Store */

/** Takes the view away: as a link, a picture, a table, a program. @param {Store} store */
export const exportMenu = store => html`<div class="field"><label class="sr" for="export">Take this view away</label>
  <select id="export" title="Take this view away" ?disabled=${!store.trace} @change=${(/** @type {any} */ e) => { take(store, e.target.value); e.target.value = ''; }}>
    <option value="" hidden>Export</option><option value="link">Copy link</option><option value="png">PNG of the picture</option><option value="svg">SVG of the diagram</option>
    <option value="csv">CSV of this head</option><option value="json">JSON of this head</option><option value="cs">Copy as C#</option></select></div>`;

/** @param {Store} store @param {string} what */
async function take(store, what) {
  if (what === 'link') return copy(store, location.href, 'Link copied');
  if (what === 'cs') return copy(store, program(store), 'C# copied');
  if (what === 'png') return png(store);
  if (what === 'svg') return svg(store);
  const name = hookInView(store);
  const pattern = await store.engine.numbers('tensor', { trace: store.trace.id, name, at: `0,${store.state.H}` });
  const rows = store.tokens(store.state.S);
  const [T, S] = pattern.shape;
  const columns = name.includes('cross') ? store.trace.tokens : rows;
  if (what === 'csv') {
    /** @param {any} t */ const cell = t => `"${t.text.replaceAll('"', '""')}"`;
    const lines = [',' + columns.map(cell).join(','), ...Array.from({ length: T }, (_, i) => cell(rows[i]) + ',' + Array.from(pattern.data.subarray(i * S, (i + 1) * S), exact).join(','))];
    save('attention.csv', 'text/csv', lines.join('\r\n') + '\r\n');
  } else {
    save('attention.json', 'application/json', JSON.stringify({
      model: store.model.id, fingerprint: store.model.fingerprint, ids: rows.map((/** @type {any} */ t) => t.id), interventions: store.state.iv, hook: name, index: [0, store.state.H],
      shape: pattern.shape, data: Array.from(pattern.data, v => Number(exact(v))),
    }, null, 1));
  }
}

/** @param {Store} store */
export const hookInView = store => `${store.state.S ? store.state.S + '.' : ''}blocks.${Math.min(store.state.L, store.stack.layers - 1)}.${store.state.x.cross ? 'cross_attn' : 'attn'}.pattern`;

/** @param {Store} store */
function png(store) {
  const canvas = [...document.querySelectorAll('.stage canvas')].sort((a, b) => b.clientWidth - a.clientWidth)[0];
  if (!(canvas instanceof HTMLCanvasElement)) return svg(store);
  const twice = document.createElement('canvas');
  [twice.width, twice.height] = [canvas.clientWidth * 2, canvas.clientHeight * 2];
  const g = /** @type {CanvasRenderingContext2D} */ (twice.getContext('2d'));
  g.imageSmoothingEnabled = false;
  g.drawImage(canvas, 0, 0, twice.width, twice.height);
  twice.toBlob(blob => blob && save('heed.png', 'image/png', blob), 'image/png');
}

/** @param {Store} store */
function svg(store) {
  const picture = [...document.querySelectorAll('.stage svg.picture')].sort((a, b) => b.clientWidth - a.clientWidth)[0];
  if (!picture) return toast(store, 'There is no diagram on this page');
  const copyOf = /** @type {SVGElement} */ (picture.cloneNode(true));
  copyOf.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  const style = getComputedStyle(document.documentElement);
  const text = new XMLSerializer().serializeToString(copyOf).replaceAll(/var\((--[\w-]+)\)/g, (_, name) => style.getPropertyValue(name).trim());
  save('heed.svg', 'image/svg+xml', text);
}

/** @param {string} name @param {string} type @param {BlobPart} content */
function save(name, type, content) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** @param {Store} store @param {string} text @param {string} said */
async function copy(store, text, said) {
  store.copied = text;
  await navigator.clipboard?.writeText(text).catch(() => undefined);
  toast(store, said);
}

/** @param {Store} store @param {string} text */
const toast = (store, text) => store.say(text);
