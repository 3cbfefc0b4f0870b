import { html, nothing } from '../vendor/lit.js';
import { num, percent, short, visible, word } from '../numbers.js';
import { candidates } from '../parts/candidates.js';
import { put } from '../parts/controls.js';
import { skeleton } from '../parts/states.js';

/** @typedef {import('../store.js').Store} Store */

const KEPT = 'heed-guesses';
const CHOICES = [0, 1, 3, 7];

export default {
  see: 'A question to you before the model answers: which word will this head read, which token comes next?',
  why: 'Whoever can say beforehand what a model does has understood something of it. Looking on is not yet that.',
  attempt: { label: 'Next question', run: (/** @type {Store} */ store) => put(store, { n: String(Number(store.state.x.n || 0) + 1), g: '' }) },

  /** @param {Store} store */
  stage(store) {
    const n = Math.max(0, Math.floor(Number(store.state.x.n)) || 0);
    const reading = n % 2 === 0 || store.model.head === 'none';
    return html`${score(store)}${reading ? whereItReads(store, n) : whatComes(store, n)}`;
  },
};

/** @typedef {{right: number, asked: number, chance: number, done: string[]}} Score */

/** @returns {Score} */
function kept() {
  try {
    const read = JSON.parse(localStorage.getItem(KEPT) ?? '');
    if (Array.isArray(read.done)) return read;
  } catch {
    // Nothing was kept, or the browser keeps nothing.
  }
  return { right: 0, asked: 0, chance: 0, done: [] };
}

/** @param {Score} score */
function keep(score) {
  try {
    localStorage.setItem(KEPT, JSON.stringify(score));
  } catch {
    // A browser that keeps nothing counts nothing.
  }
}

/** @param {Store} store */
function score(store) {
  const s = kept();
  return html`<div class="bar"><span>right <b class="mono">${s.right}</b> of <b class="mono">${s.asked}</b></span>
    <span class="muted">${s.asked ? html`by chance <span class="mono">${short(s.chance)}</span>` : 'Each question counts once. The score stays in this browser.'}</span>
    ${s.asked ? html`<button class="btn" @click=${() => { keep({ right: 0, asked: 0, chance: 0, done: [] }); store.changed(); }}>From zero</button>` : nothing}</div>`;
}

/** Takes a guess; the same question counts once. @param {Store} store @param {string} question @param {number} guess @param {boolean} right @param {number} among */
function take(store, question, guess, right, among) {
  const s = kept(), name = `${store.trace.id}|${question}`;
  if (!s.done.includes(name)) keep({ right: s.right + (right ? 1 : 0), asked: s.asked + 1, chance: s.chance + 1 / among, done: [...s.done.slice(-499), name] });
  put(store, { g: String(guess) });
  store.say(right ? 'Right.' : 'Not this one.');
}

/** A guess of the address; −1: none yet. @param {Store} store */
const guessed = store => (/^\d+$/.test(store.state.x.g ?? '') ? Number(store.state.x.g) : -1);

/** @param {Store} store @param {number} n */
function whereItReads(store, n) {
  const { stack } = store, tokens = store.tokens(stack.name), T = tokens.length;
  const first = stack.causal ? Math.min(T - 1, 2) : 0;
  const L = (Math.floor(n / 2) * 2 + 1) % stack.layers, H = (Math.floor(n / 2) * 3) % stack.heads;
  const q = T - 1 - (n * 2) % Math.max(1, T - first), last = stack.causal ? q : T - 1;
  const hook = `${stack.name ? stack.name + '.' : ''}blocks.${L}.attn.pattern`;
  const row = store.tensor(hook, `0,${H},${q}`);
  if (!row) return skeleton(6);
  const weights = /** @type {Float32Array} */ (row.data);
  let best = 0;
  for (let k = 1; k <= last; k++) if (weights[k] > weights[best]) best = k;
  const guess = guessed(store), open = guess >= 0 && guess <= last;
  return html`<h2>Layer ${L}, head ${H}: which token does <span class="mono">${word(tokens[q])}</span> read most?</h2>
    <p class="note">${stack.causal ? 'It sees itself and what stands before it.' : 'It sees all tokens.'} Choose one.</p>
    <p class="row wrap answers" role="group" aria-label="Tokens">${tokens.map((/** @type {any} */ t, /** @type {number} */ i) => html`<button class="tok ${i === q ? 'asks' : ''} ${open && i === best ? 'right' : open && i === guess ? 'wrong' : ''}" ?disabled=${open || i > last}
      aria-pressed=${String(i === guess)} @click=${() => take(store, `read ${n}`, i, weights[i] === weights[best], last + 1)}>${word(t)}</button>`)}</p>
    ${!open ? html`<p class="muted">The answer is there when you have chosen.</p>` : html`
      <p class="lead">${weights[guess] === weights[best] ? 'Right' : 'Not quite'}: <b class="mono">${word(tokens[q])}</b> reads <b class="mono">${word(tokens[best])}</b> with ${num(hook, [0, H, q, best], weights[best])}${guess === best ? '' : html`, and your <b class="mono">${word(tokens[guess])}</b> with ${num(hook, [0, H, q, guess], weights[guess])}`}.</p>
      <section class="part"><h2>The whole row</h2>${bars(tokens, weights, last, hook, [0, H, q])}</section>
      ${next(store, { page: 'attention', S: stack.name, L, H, q })}`}`;
}

/** @param {any[]} tokens @param {Float32Array} weights @param {number} last @param {string} hook @param {number[]} at */
const bars = (tokens, weights, last, hook, at) => html`<table class="data"><tbody>${tokens.slice(0, last + 1).map((t, k) => html`<tr><td class="mono">${word(t)}</td><td class="r">${num(hook, [...at, k], weights[k])}</td>
  <td><svg width="160" height="10" aria-hidden="true"><rect width=${160 * weights[k]} height="10" fill="var(--attention)"></rect></svg></td></tr>`)}</tbody></table>`;

/** @param {Store} store @param {number} n */
function whatComes(store, n) {
  const stack = store.model.stacks[store.model.stacks.length - 1], tokens = store.tokens(stack.name), T = tokens.length;
  const classes = store.model.head === 'class of the text' || store.model.head === 'answer';
  const at = classes ? 0 : T - 1 - (n - 1) % Math.max(1, T - 1);
  const query = { at, count: 8 };
  const reply = store.about('predict', query), error = store.failureAbout('predict', query);
  if (error) return html`<p class="warn">${error.message}</p>`;
  if (!reply) return skeleton(6);
  const masked = store.model.head === 'masked token';
  const right = reply.candidates[0];
  // Likely and less likely ones, in the order of the alphabet: their place says nothing.
  const offered = CHOICES.map(i => reply.candidates[i]).filter(c => c).sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : a.id - b.id));
  const guess = guessed(store), open = offered.some(c => c.id === guess);
  return html`<h2>${classes ? 'Which class is the text?' : masked ? html`Which token does the model put in place ${at}, where <span class="mono">${word(tokens[at])}</span> stands?` : 'Which token is likeliest next?'}</h2>
    ${classes ? nothing : html`<p class="row tight wrap">${tokens.slice(0, masked ? T : at + 1).map((/** @type {any} */ t, /** @type {number} */ i) => html`<span class="tok ${i === at ? 'asks' : ''}">${word(t)}</span>`)}${masked ? nothing : html`<span class="tok asks">…</span>`}</p>`}
    <p class="row wrap answers" role="group" aria-label="Candidates">${offered.map(c => html`<button class="btn mono ${open && c.id === right.id ? 'right' : open && c.id === guess ? 'wrong' : ''}" aria-pressed=${String(c.id === guess)} ?disabled=${open}
      @click=${() => take(store, `next ${n}`, c.id, c.id === right.id, offered.length)}>${visible(c.text)}</button>`)}</p>
    ${!open ? html`<p class="muted">The answer is there when you have chosen.</p>` : html`
      <p class="lead">${guess === right.id ? 'Right' : 'Not this one'}: <b class="mono">${visible(right.text)}</b> has ${num('probability', [at, right.id], Math.fround(right.probability), undefined, percent(right.probability))}.</p>
      <section class="part"><h2>All that were near</h2>${candidates(store, reply)}</section>
      ${next(store, { page: 'predict', S: stack.name, q: at })}`}`;
}

/** @param {Store} store @param {Record<string, any>} view */
const next = (store, view) => html`<div class="row part"><button class="btn try" @click=${() => put(store, { n: String(Math.floor(Number(store.state.x.n || 0)) + 1), g: '' })}>Next question</button>
  <button class="btn" @click=${() => store.set({ view: '', x: {}, ...view })}>Look at it</button></div>`;
