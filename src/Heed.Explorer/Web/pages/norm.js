import { html } from '../vendor/lit.js';
import { num, word } from '../numbers.js';
import { strip } from './steps.js';

/** @typedef {import('../store.js').Store} Store */

export default {
  see: 'One row before and after a norm: brought to one size, then stretched by a gain that training found.',
  why: 'Sums of many layers grow. A norm keeps every part working on numbers of the same size, whether it stands before a part or after it.',
  attempt: { label: 'Next norm', run: (/** @type {Store} */ store) => { const all = sites(store); store.set({ x: { ...store.state.x, norm: all[(all.indexOf(chosen(store)) + 1) % all.length] } }); } },

  /** @param {Store} store */
  stage(store) {
    const all = sites(store);
    if (!all.length) return html`<div class="state"><h2>This stack shows no norm</h2></div>`;
    const site = chosen(store);
    const names = new Set(store.trace.hooks.map((/** @type {any} */ h) => h.name));
    const q = store.query;
    const scale = store.tensor(`${site}.scale`, String(q));
    const layer = site.slice(0, site.lastIndexOf('.'));
    const attention = store.trace.hooks.findIndex((/** @type {any} */ h) => h.name === `${layer}.attn.q`), mine = store.trace.hooks.findIndex((/** @type {any} */ h) => h.name === `${layer}.attn_norm.out`);
    const pre = mine >= 0 && mine < attention;
    const rms = store.about('structure')?.towers.flatMap((/** @type {any} */ t) => [...t.before, ...t.after, ...t.layers.flatMap((/** @type {any} */ l) => l.steps)]).find((/** @type {any} */ s) => s.site === site)?.name;
    const stream = `${site}.in`;
    return html`<div class="bar"><label class="field">norm <select @change=${(/** @type {any} */ e) => store.set({ x: { ...store.state.x, norm: e.target.value } })}>${all.map(s => html`<option ?selected=${s === site}>${s}</option>`)}</select></label>
        <span>row of <b class="mono">${word(store.tokens(store.state.S)[q])}</b></span><span class="muted">${rms ?? ''}${attention >= 0 && mine >= 0 ? `, ${pre ? 'pre-norm: before each part' : 'post-norm: after each sum'}` : ''}</span></div>
      <ol class="steps">
        ${stream ? block('The stream', '', 'What has been added up so far.', strip(store, stream, [q], 24)) : ''}
        ${block('Scale', rms === 'RmsNorm' ? '√(mean x² + ε)' : '√(variance + ε)', rms === 'RmsNorm' ? 'The root of the mean square: no mean is taken off.' : 'The standard deviation of the row, after its mean was taken off.',
          scale ? html`<p class="big">${num(`${site}.scale`, [q, 0], scale.data[0])}</p>` : '')}
        ${block('Normalized', rms === 'RmsNorm' ? 'x ÷ scale' : '(x − mean) ÷ scale', 'Every row now has the same size.', strip(store, `${site}.normalized`, [q], 24))}
        ${block('Out', '× gain + bias', 'Each place of the row gets its own weight.', strip(store, `${site}.out`, [q], 24))}
      </ol>`;
  },
};

/** @param {string} name @param {string} formula @param {string} words @param {any} body */
const block = (name, formula, words, body) => html`<li class="step"><div class="stepname"><h2>${name}</h2><p class="mono muted">${formula}</p></div><div class="stepbody"><p class="note">${words}</p>${body}</div></li>`;

/** @param {Store} store @returns {string[]} */
const sites = store => store.trace.hooks.map((/** @type {any} */ h) => h.name).filter((/** @type {string} */ n) => n.endsWith('.normalized') && (!store.state.S || n.startsWith(store.state.S + '.')))
  .map((/** @type {string} */ n) => n.slice(0, -'.normalized'.length));

/** @param {Store} store */
function chosen(store) {
  const all = sites(store);
  const at = `${store.state.S ? store.state.S + '.' : ''}blocks.${store.state.L}.attn_norm`;
  return all.includes(store.state.x.norm ?? '') ? store.state.x.norm : all.includes(at) ? at : all[0];
}
