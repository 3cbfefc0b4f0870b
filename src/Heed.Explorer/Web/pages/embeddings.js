import { html, nothing } from '../vendor/lit.js';
import { num, visible, word } from '../numbers.js';
import { put } from '../parts/controls.js';
import { failed, skeleton } from '../parts/states.js';
import { styled } from '../parts/style.js';

/** @typedef {import('../store.js').Store} Store */

const START = { first: 'We sat on the bank of the river.', second: 'She opened an account at the bank.', word: 'bank' };
const LINES = ['The boat was tied to the bank of the river.', 'My bank charges a monthly fee.', 'The dog slept in the garden.', 'Grass covered the steep bank.', 'The cat sat on the mat.', 'He paid the money into his account.'].join('\n');

export default {
  see: 'One word in two sentences: in the table of tokens it is the same row, and layer by layer its surroundings make two of it.',
  why: 'A word vector of the old kind has one place for “bank”. A model that reads the sentence has as many as there are sentences.',
  attempt: { label: 'The same sense twice', run: (/** @type {Store} */ store) => put(store, { second: store.state.x.second ? '' : 'The boat was tied to the bank.', first: '', word: '' }) },

  /** @param {Store} store */
  stage(store) {
    return html`${twoSentences(store)}${neighbours(store)}${searching(store)}`;
  },
};

/** @param {Store} store @param {'first' | 'second' | 'word'} name */
const value = (store, name) => store.state.x[name] || START[name];

/** @param {Store} store */
function twoSentences(store) {
  const q = { first: value(store, 'first'), second: value(store, 'second'), word: value(store, 'word') };
  const name = `contextual|${JSON.stringify(q)}`;
  const reply = store.use(name, signal => store.engine.json('contextual', q, signal)), error = store.failure(name);
  const field = (/** @type {'first' | 'second' | 'word'} */ id, /** @type {string} */ label) => html`<label class="wide">${label}<input type="text" class="wide" autocomplete="off" spellcheck="false" .value=${value(store, id)} @change=${(/** @type {any} */ e) => put(store, { [id]: e.target.value })}></label>`;
  return html`<div class="fields">${field('first', 'first sentence')}${field('second', 'second sentence')}${field('word', 'word')}</div>
    ${error ? failed('These two cannot be compared', error.message) : !reply ? skeleton(7) : html`
    <div class="gap part"><h2>“${q.word}” and “${q.word}”, layer by layer</h2>${sentence(reply.first, reply.firstAt)}${sentence(reply.second, reply.secondAt)}
      <div class="scroll" tabindex="0" role="region" aria-label="Cosine by layer"><table class="data"><thead><tr><th>where</th><th class="r">cosine</th><td></td></tr></thead><tbody>
      ${reply.layers.map((/** @type {any} */ l, /** @type {number} */ n) => html`<tr><td>${l.name}</td><td class="r">${num('contextual.cosine', [n], Math.fround(l.cosine))}</td><td>${bar(l.cosine)}</td></tr>`)}</tbody></table></div>
      <p class="note">1: the same direction. 0: nothing in common. ${reply.layers[0].cosine > 0.9999 ? 'The table has one row for a token, so it begins at 1.' : 'The word is cut into other tokens, or stands with a blank before it in one sentence alone: so even the table differs.'}
        ${reply.fixed === null ? `The word vectors that come with Heed do not know “${q.word}”; they would give 1 whatever the sentences.` : html`The word vectors that come with Heed give ${num('words.cosine', [0], Math.fround(reply.fixed))}, whatever the sentences.`}
        In many models all rows point into one narrow cone, so compare differences, not sizes.</p></div>`}`;
}

/** @param {any[]} tokens @param {number[]} at */
const sentence = (tokens, at) => html`<p class="row tight wrap">${tokens.map((t, i) => html`<span class="tok ${t.special ? 'special' : ''} ${at.includes(i) ? 'found' : ''}">${word(t)}</span>`)}</p>`;

/** @param {number} v */
const bar = v => html`<span class="cosine" aria-hidden="true"><i class=${v < 0 ? 'below' : ''} ${styled({ width: `${Math.min(100, 100 * Math.abs(v))}%` })}></i></span>`;

/** @param {Store} store */
function neighbours(store) {
  const asked = store.state.x.near || 'dog';
  const name = `words|${asked}`;
  const fixed = store.use(name, signal => store.engine.json('words', { word: asked }, signal)), missing = store.failure(name);
  const tokens = store.tokens(store.state.S), token = tokens[store.query];
  const own = `nearest|${token.id}`;
  const table = store.use(own, signal => store.engine.json('nearest', { id: token.id }, signal)), none = store.failure(own);
  return html`<section class="part"><h2>Neighbours</h2><div class="cols">
    <div class="gap"><h3>In word vectors</h3><label class="wide">word<input type="text" autocomplete="off" spellcheck="false" .value=${asked} @change=${(/** @type {any} */ e) => put(store, { near: e.target.value })}></label>
      ${missing ? html`<p class="warn">${missing.message}</p>` : !fixed ? skeleton(5) : !fixed.known ? html`<p class="warn">“${fixed.word}” is none of the ${fixed.words} words that these vectors know.${fixed.meant ? html` The nearest spelling is <button class="btn" @click=${() => put(store, { near: fixed.meant })}>${fixed.meant}</button>` : nothing}</p>` : list('words.near', fixed.near)}
      <p class="note">${fixed ? `Skip-gram, ${fixed.words} words of ${fixed.width} numbers, learned by heed embed train from the same little stories as the small model: words that stand in the same places become neighbours.` : ''}</p></div>
    <div class="gap"><h3>In the table of this model: <span class="mono">${visible(token.text)}</span></h3>
      ${none ? html`<p class="warn">${none.message}</p>` : !table ? skeleton(5) : list('nearest', table.near)}
      <p class="note">Choose another token below. Rows of the opened model’s own table, before anything was read.</p></div></div></section>`;
}

/** @param {string} hook @param {any[]} near */
const list = (hook, near) => html`<table class="data"><tbody>${near.map((n, i) => html`<tr><td class="mono">${visible(n.text)}</td><td class="r">${num(hook, [i], Math.fround(n.cosine))}</td><td>${bar(n.cosine)}</td></tr>`)}</tbody></table>`;

/** @param {Store} store */
function searching(store) {
  const sentences = (store.state.x.lines || LINES).split('\n').map(l => l.trim()).filter(l => l);
  const asked = store.state.x.ask || 'Where do I keep my money?';
  const name = `sentences|${JSON.stringify([sentences, asked])}`;
  const reply = store.use(name, signal => store.engine.post('sentences', { sentences, query: asked }, signal)), error = store.failure(name);
  const places = reply ? [...reply.sentences].sort((a, b) => (b.fixed ?? -2) - (a.fixed ?? -2)).map(s => s.index) : [];
  return html`<section class="part"><h2>Search your own sentences</h2>
    <div class="fields"><label class="wide">sentences, one a line<textarea rows="6" spellcheck="false" .value=${sentences.join('\n')} @change=${(/** @type {any} */ e) => put(store, { lines: e.target.value })}></textarea></label>
      <label class="wide">question<input type="text" class="wide" autocomplete="off" .value=${asked} @change=${(/** @type {any} */ e) => put(store, { ask: e.target.value })}></label></div>
    ${error ? failed('No search', error.message) : !reply ? skeleton(6) : html`<div class="scroll" tabindex="0" role="region" aria-label="Sentences by likeness"><table class="data"><thead><tr><th>sentence</th><th class="r">this model</th><td></td><th class="r">word vectors</th><th class="r">their place</th></tr></thead><tbody>
      ${reply.sentences.map((/** @type {any} */ s) => html`<tr><td class="words">${s.text}</td><td class="r">${num('sentences.contextual', [s.index], Math.fround(s.contextual))}</td><td>${bar(s.contextual)}</td>
        <td class="r">${s.fixed === null ? '–' : num('sentences.fixed', [s.index], Math.fround(s.fixed))}</td><td class="r mono">${s.fixed === null ? '–' : places.indexOf(s.index) + 1}</td></tr>`)}</tbody></table></div>
      <p class="note">This model: the cosine of the mean of the last layer’s rows. Models made for it (all-MiniLM-L6-v2) order by sense; others were never asked to, and it shows. Word vectors: the mean of the known words; – where none is known.</p>`}</section>`;
}
