import { html } from '../vendor/lit.js';
import { grouped, num, percent, short, visible, word } from '../numbers.js';

/** @typedef {import('../store.js').Store} Store */
/** @typedef {{id: string, page: string, ask: (store: Store) => any, answer: (store: Store) => any, shown?: (store: Store) => boolean}} Card */

/** @param {Store} store */
const site = store => `${store.state.S ? store.state.S + '.' : ''}blocks.${Math.min(store.state.L, store.stack.layers - 1)}.attn`;

/** The row of the word in view in the head in view. @param {Store} store */
function row(store) {
  const H = Math.min(store.state.H, store.stack.heads - 1), q = store.query, hook = `${site(store)}.pattern`;
  const values = store.tensor(hook, `0,${H},${q}`)?.data;
  if (!values) return undefined;
  let best = 0, sum = 0, zeros = 0;
  for (let k = 0; k < values.length; k++) {
    sum += values[k];
    if (values[k] === 0) zeros++;
    if (values[k] > values[best]) best = k;
  }
  return { hook, H, q, best, sum, zeros, values };
}

/** @param {Store} store */
const tokens = store => store.tokens(store.state.S);

/** @param {Store} store */
const predicts = store => store.model.head === 'next token' || store.model.head === 'masked token';

/** @param {Store} store */
const main = store => store.model.stacks[store.model.stacks.length - 1].name;

/** @param {Store} store */
const place = store => (store.state.S === main(store) ? store.query : store.trace.readout);

/** Questions whose answers are computed from the opened model when the card is turned; undefined: on its way. @type {Card[]} */
export const DECK = [
  { id: 'tokens', page: 'tokens', ask: () => 'How many tokens does your text become, those included that the tokenizer adds?',
    answer: s => html`<b class="mono">${s.trace.tokens.length}</b>, of which ${s.trace.tokens.filter((/** @type {any} */ t) => t.special).length} were added.` },
  { id: 'scale', page: 'steps', ask: s => html`Queries have ${s.stack.headWidth} numbers here. By what is q·k multiplied before the softmax, and why?`,
    answer: s => html`By <b>${num('stack.scale', [0], Math.fround(Number(s.stack.scale)))}</b>: ${Math.abs(Number(s.stack.scale) * Math.sqrt(s.stack.headWidth) - 1) < 1e-4 ? `1/√${s.stack.headWidth}. A sum of ${s.stack.headWidth} products has a deviation of √${s.stack.headWidth}; without the factor the softmax would begin saturated.` : 'this model does not take 1/√K; it was trained with queries of another size.'}` },
  { id: 'sum', page: 'attention', ask: s => html`What is the sum of the weights with which <b class="mono">${word(tokens(s)[s.query])}</b> reads?`,
    answer: s => { const r = row(s); return r && html`<b>${num(`${r.hook} sum`, [0, r.H, r.q], Math.fround(r.sum))}</b>: a softmax always gives 1, up to rounding. A head that wants to read nothing must put its weight somewhere, often on the first token.`; } },
  { id: 'most', page: 'attention', ask: s => html`Layer ${Math.min(s.state.L, s.stack.layers - 1)}, head ${Math.min(s.state.H, s.stack.heads - 1)}: which token does <b class="mono">${word(tokens(s)[s.query])}</b> read most?`,
    answer: s => { const r = row(s); return r && html`<b class="mono">${word(tokens(s)[r.best])}</b>, with ${num(r.hook, [0, r.H, r.q, r.best], r.values[r.best])}. It shows where was read, not why.`; } },
  { id: 'mask', page: 'masks', ask: s => html`How many tokens may <b class="mono">${word(tokens(s)[s.query])}</b>, number ${s.query}, not read at all?`,
    answer: s => { const r = row(s); return r && html`<b class="mono">${r.zeros}</b> weights are exactly zero. ${s.stack.causal ? 'A causal mask hides all later ones.' : 'This stack reads in both directions, and hides none.'}`; } },
  { id: 'pairs', page: 'compare', ask: s => `Your text has ${tokens(s).length} tokens. How many products of queries and keys does a head need, and how many for a text twice as long?`,
    answer: s => { const T = tokens(s).length; return html`<b class="mono">${grouped(T * T)}</b> and <b class="mono">${grouped(4 * T * T)}</b>: twice the length, four times the pairs${s.stack.causal ? '; a causal mask saves nearly half of both' : ''}.`; } },
  { id: 'order', page: 'positions', ask: () => 'Attention itself does not know in which order words stand. How does this model learn of it?',
    answer: s => /** @type {Record<string, string>} */ ({ learned: 'A learned row for each position is added to the token’s row.', sinusoidal: 'Sines and cosines of the position are added.', rotary: 'Queries and keys are turned by an angle that grows with the position, so that products depend on distances.', alibi: 'A penalty that grows with the distance is added to the scores.', relative: 'A learned bias for each distance is added to the scores.', disentangled: 'Scores of contents against distances are added.', none: 'Through its mask alone: the k-th word sees k words.' })[s.stack.positions] },
  { id: 'grouped', page: 'structure', ask: s => `This stack has ${s.stack.heads} heads. How many sets of keys and values does it keep?`,
    answer: s => html`<b class="mono">${s.stack.keyHeads}</b>. ${s.stack.keyHeads === s.stack.heads ? 'One for each head.' : `${s.stack.heads / s.stack.keyHeads} heads share one, and the cache is as many times smaller.`}` },
  { id: 'parameters', page: 'size', ask: () => 'How many parameters does the opened model have?', answer: s => html`<b class="mono">${grouped(s.model.parameters)}</b>` },
  { id: 'cache', page: 'size', shown: s => s.model.head === 'next token', ask: s => `How many bytes do keys and values of your ${tokens(s).length} tokens take in float32?`,
    answer: s => { const q = { model: '', batch: 1, length: tokens(s).length, change: '' }; const r = s.use(`size|${JSON.stringify(q)}`, signal => s.engine.json('size', q, signal)); return r && html`<b class="mono">${grouped(r.cacheBytes)}</b> bytes: two rows for each token, layer and set of keys.`; } },
  { id: 'norm', page: 'norm', ask: () => 'Does this model norm before a part or after its sum, and what does its norm take off?',
    answer: s => { const r = s.about('structure'); if (!r) return undefined; const l = r.towers[r.towers.length - 1].layers[0], norm = l.steps.find((/** @type {any} */ t) => t.kind === 'norm'); return html`<b>${l.preNorm ? 'Before' : 'After'}</b> (${l.preNorm ? 'pre-norm: the stream itself stays untouched' : 'post-norm: the stream is normed after each sum'}). ${norm?.name === 'RmsNorm' ? 'RmsNorm takes nothing off; it divides by the root of the mean square.' : `${norm?.name ?? 'Its norm'} takes the mean off, then divides by the deviation.`}`; } },
  { id: 'likeliest', page: 'predict', shown: predicts, ask: s => (s.model.head === 'next token' ? html`Which token is likeliest after <b class="mono">${word(s.tokens(main(s))[place(s)])}</b>?` : html`Which token does the model put in place of <b class="mono">${word(s.tokens(main(s))[place(s)])}</b>?`),
    answer: s => { const r = s.about('predict', { at: place(s), count: 8 }); return r && html`<b class="mono">${visible(r.candidates[0].text)}</b>, with ${num('probability', [r.at, r.candidates[0].id], Math.fround(r.candidates[0].probability), undefined, percent(r.candidates[0].probability))}.`; } },
  { id: 'temperature', page: 'predict', shown: predicts, ask: s => { const r = s.about('predict', { at: place(s), count: 8 }); return r ? html`<b class="mono">${visible(r.candidates[0].text)}</b> has ${percent(r.candidates[0].probability)}. How much with temperature 2?` : 'What does temperature 2 do to the likeliest token?'; },
    answer: s => { const q = { at: place(s), temperature: 2, topk: 0, topp: 1, count: 14 }; const r = s.about('predict', q); return r && html`<b>${num('drawn', [r.at, r.candidates[0].id], Math.fround(r.candidates[0].drawn), undefined, percent(r.candidates[0].drawn))}</b>: all scores are halved before the softmax, so that differences count less.`; } },
  { id: 'entropy', page: 'predict', shown: predicts, ask: () => 'Between how many equal candidates does the model waver here?',
    answer: s => { const r = s.about('predict', { at: place(s), count: 8 }); return r && html`<b>${short(Math.exp(r.entropy))}</b>: the exponential of ${short(r.entropy)} nats of uncertainty, of ${grouped(r.vocabulary)} tokens.`; } },
  { id: 'objective', page: 'objectives', ask: () => 'What was this model asked when it was trained from text?',
    answer: s => (s.model.head === 'next token' && s.model.family === 'decoder' ? 'The next token, at every place.' : s.model.family === 'encoder-decoder' ? 'To write a text after reading another one.' : s.model.head === 'masked token' ? 'The tokens behind masks.' : html`Its head is “${s.model.head}”: that is what it learned last.`) },
];
