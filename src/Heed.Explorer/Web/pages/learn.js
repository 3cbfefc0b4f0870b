import { html, nothing } from '../vendor/lit.js';
import { grouped, num, percent } from '../numbers.js';
import { choice, put } from '../parts/controls.js';
import { DECK } from '../parts/deck.js';
import { boxes, due, forget, grade, RESTS } from '../parts/repetition.js';
import { failed, skeleton } from '../parts/states.js';
import { PAGES } from './index.js';

/** @typedef {import('../store.js').Store} Store */

/** @type {[string, string][]} */
const PARTS = [['cards', 'Cards'], ['sheet', 'Cheat sheet'], ['revise', 'Quick revision'], ['mistakes', 'Common mistakes'], ['shots', 'Few-shot']];

const EXAMPLES = ['My parcel never came. => delivery', 'I was charged twice. => payment', 'The driver left it in the rain. => delivery', 'The refund is missing. => payment'].join('\n');

export default {
  see: 'Questions that the opened model answers, a sheet of its formulas with its own numbers, the mistakes that the doctor knows, and prompts that show examples.',
  why: 'What was recalled stays; what was read goes. Each answer has the page on which it can be seen.',
  attempt: { label: 'Turn the card', run: (/** @type {Store} */ store) => put(store, { part: '', turned: store.state.x.turned ? '' : '1' }) },

  /** @param {Store} store */
  stage(store) {
    const part = PARTS.some(p => p[0] === store.state.x.part) ? store.state.x.part : 'cards';
    return html`<div class="bar">${choice(store, 'part', 'Part', PARTS, part)}</div>
      ${part === 'cards' ? cards(store) : part === 'sheet' ? sheet(store) : part === 'revise' ? revise(store) : part === 'mistakes' ? mistakes(store) : shots(store)}`;
  },
};

addEventListener('heed-step', () => {
  const { store } = /** @type {any} */ (window).heed;
  if (store.state.page === 'learn') put(store, { turned: store.state.x.turned ? '' : '1' });
});

/** A page, by a link that keeps the view. @param {Store} store @param {string} page @param {any=} words */
function link(store, page, words) {
  const entry = PAGES.find(p => p.id === page);
  return entry ? html`<a href=${page} @click=${(/** @type {MouseEvent} */ e) => {
    if (e.metaKey || e.ctrlKey || e.shiftKey) return;
    e.preventDefault();
    store.set({ page, x: {} });
  }}>${words ?? entry.title}</a>` : html`${words ?? page}`;
}

/** @param {Store} store */
function cards(store) {
  const deck = DECK.filter(c => c.shown?.(store) ?? true);
  const waiting = due(deck.map(c => c.id), Date.now());
  const card = deck.find(c => c.id === waiting[0]);
  const kept = boxes();
  const counts = RESTS.map((_, box) => deck.filter(c => (kept[c.id]?.box ?? 0) === box).length);
  const answer = store.state.x.turned && card ? card.answer(store) : undefined;
  const judge = (/** @type {boolean} */ knew) => {
    if (!card) return;
    grade(card.id, knew, Date.now());
    put(store, { turned: '' });
    store.say(knew ? 'Known. The next card.' : 'It will come again. The next card.');
  };
  return html`${card ? html`<article class="flash" aria-label="Card"><p class="muted">card ${deck.indexOf(card) + 1} of ${deck.length} · ${waiting.length} due</p>
      <h2 class="question">${card.ask(store)}</h2>
      ${!store.state.x.turned ? html`<div class="row"><button class="btn try" @click=${() => put(store, { turned: '1' })}>Show the answer</button><span class="muted"><kbd>Space</kbd></span></div>`
        : html`<div class="lead">${answer ?? skeleton(2)}</div>
          <div class="row"><button class="btn" @click=${() => judge(false)}>Not known</button><button class="btn" @click=${() => judge(true)}>Known</button><span>${link(store, card.page, 'See it')}</span></div>`}</article>`
    : html`<div class="state"><h2>Nothing is due</h2><p>All cards rest. The next is due on ${new Date(Math.min(...deck.map(c => kept[c.id]?.due ?? 0))).toLocaleDateString('en-GB', { day: 'numeric', month: 'long' })}.</p></div>`}
    <section class="part"><h2>The boxes</h2><div class="scroll" tabindex="0" role="region" aria-label="Boxes"><table class="data"><thead><tr><th>rests for</th>${RESTS.map(days => html`<th class="r">${days === 0 ? 'new' : days === 1 ? '1 day' : `${days} days`}</th>`)}</tr></thead><tbody><tr><td>cards</td>${counts.map(n => html`<td class="r mono">${n}</td>`)}</tr></tbody></table></div>
      <p class="note">A known card moves one box on, another begins anew (Leitner). The boxes are kept in this browser and go nowhere else. <button class="btn" @click=${() => { forget(); store.changed(); }}>All anew</button></p></section>`;
}

/** @param {Store} store */
function sheet(store) {
  const { model, stack, trace } = store;
  const T = store.tokens(store.state.S).length, D = model.width, H = stack.heads, G = stack.keyHeads, K = stack.headWidth;
  const inner = trace.hooks.find((/** @type {any} */ h) => h.name.endsWith('mlp.post'))?.shape.at(-1);
  const rms = store.about('structure')?.towers.some((/** @type {any} */ t) => t.layers.some((/** @type {any} */ l) => l.steps.some((/** @type {any} */ s) => s.name === 'RmsNorm')));
  /** @type {[string, string, any, string][]} */
  const rows = [
    ['embedding', 'x = table[id]', html`${grouped(model.vocabulary)} rows of ${D}`, 'tokens'],
    ['positions', /** @type {Record<string, string>} */ ({ learned: 'x + p[t]', sinusoidal: 'x + sin, cos(t·ω)', rotary: 'q, k turned by t·θ', alibi: 'scores − m·distance', relative: 'scores + b[distance]', disentangled: 'scores + content·distance', none: 'from the mask alone' })[stack.positions], html`text of ${T} tokens`, 'positions'],
    ['queries, keys, values', 'q = x·W_Q, k = x·W_K, v = x·W_V', html`[${T}, ${D}] → ${H} × [${T}, ${K}], keys ${G} × [${T}, ${K}]`, 'steps'],
    ['attention', 'softmax(q·kᵀ · s + mask) · v', html`s = ${num('stack.scale', [0], Math.fround(Number(stack.scale)))}, ${H} patterns of [${T}, ${T}]`, 'attention'],
    ['mask', stack.causal ? '0 for k ≤ q, −∞ after it' : 'none inside the text', html`${stack.causal ? `${grouped(T * (T - 1) / 2)} of ${grouped(T * T)} pairs hidden` : 'all pairs are read'}`, 'masks'],
    ['output', 'concat(heads) · W_O', html`[${T}, ${H * K}] → [${T}, ${D}]`, 'heads'],
    ['feed-forward', 'act(x·W₁)·W₂', html`${D} → ${inner ?? '?'} → ${D}`, 'ffn'],
    ['norm', rms ? 'x ÷ √(mean x² + ε) · g' : '(x − mean) ÷ √(variance + ε) · g + b', html`${D} numbers a row`, 'norm'],
    ['layers', 'x + part(x)', html`${stack.layers} in this stack, ${grouped(model.parameters)} parameters in all`, 'structure'],
    ['prediction', 'softmax(x·Wᵥ ÷ temperature)', html`${model.head}`, 'predict'],
    ['loss', '−log p(right token)', html`uniform guess: ${num('uniform', [0], Math.fround(Math.log(model.vocabulary)))} nats`, 'objectives'],
    ['cost', '2 operations a weight and token', html`attention: square in the length`, 'size'],
  ];
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Cheat sheet"><table class="data"><thead><tr><th>part</th><th>formula</th><th>in this model</th><th>see</th></tr></thead><tbody>
    ${rows.map(([name, formula, own, page]) => html`<tr><td>${name}</td><td class="mono">${formula}</td><td>${own}</td><td>${link(store, page)}</td></tr>`)}</tbody></table></div>
    <p class="note">T ${T} tokens, D ${D} width, H ${H} heads, G ${G} sets of keys, K ${K} numbers a head.</p>`;
}

/** @param {Store} store */
function revise(store) {
  const pages = PAGES.filter(p => p.id !== 'learn');
  const loaded = pages.map(p => ({ p, module: store.use(`page|${p.id}`, () => p.load()) }));
  return html`<ol class="revise">${loaded.map(({ p, module }) => html`<li><h3>${link(store, p.id)}</h3>${module ? html`<p>${module.default.why}</p>` : skeleton(1)}</li>`)}</ol>`;
}

/** Where a mistake can be looked at. @type {Record<string, string>} */
const PAGE_OF = { 'padding-attended': 'masks', 'labels-not-shifted': 'objectives', 'labels-shifted-twice': 'objectives', 'padding-in-loss': 'objectives', 'tokenizer-mismatch': 'tokens', 'special-tokens': 'tokens', 'wrong-pooling': 'embeddings',
  'dead-heads': 'heads', 'saturated-attention': 'attention', 'truncated-answers': 'tokens', 'unscaled-attention': 'steps', 'positions-beyond-table': 'positions', untied: 'structure', 'half-precision-overflow': 'norm', 'leak-of-the-future': 'masks',
  forgetting: 'predict', 'untrained-weights': 'predict', 'one-class': 'predict', 'evaluation-in-training-mode': 'predict', 'unreached-layer': 'structure', 'rate-too-high': 'objectives', 'no-warm-up': 'norm', 'exploding-norm': 'norm', leakage: 'objectives',
  'contradicting-labels': 'objectives', duplicates: 'objectives' };

/** @param {Store} store */
function mistakes(store) {
  const reply = store.use('mistakes', signal => store.engine.json('mistakes', {}, signal)), error = store.failure('mistakes');
  if (error) return failed('The rules are not here', error.message);
  if (!reply) return skeleton(10);
  const asked = store.state.x.examine;
  const found = asked ? store.use('examine', signal => store.engine.json('examine', {}, signal)) : undefined, broken = asked ? store.failure('examine') : undefined;
  const state = (/** @type {string} */ rule) => (!found ? '' : found.findings.some((/** @type {any} */ f) => f.rule === rule) ? 'found' : found.judged.includes(rule) ? 'not here' : 'not judged');
  return html`<div class="row"><button class="btn try" ?disabled=${!!asked} @click=${() => put(store, { examine: '1' })}>Examine the opened model</button>
      <span class="muted">${broken ? broken.message : asked && !found ? 'The doctor looks at it …' : found ? `${found.judged.length} rules judged, ${found.findings.length} found.` : 'Runs it on a few texts; nothing is changed.'}</span></div>
    ${found?.findings.map((/** @type {any} */ f) => html`<div class="warn" role="status"><b class="mono">${f.rule}</b> at ${f.place}: ${f.evidence}. ${f.harm} <b>Fix:</b> ${f.fix}</div>`)}
    <div class="scroll part" tabindex="0" role="region" aria-label="Common mistakes"><table class="data mistakes"><thead><tr><th>what one sees</th><th>why it hurts</th><th>fix</th><th>see</th>${found ? html`<th>here</th>` : nothing}</tr></thead><tbody>
      ${reply.mistakes.map((/** @type {any} */ m) => html`<tr><td class="words">${m.symptom}<br><span class="muted mono">${m.rule}</span></td><td class="words">${m.harm}</td><td class="words">${code(m.fix)}</td><td>${link(store, PAGE_OF[m.rule] ?? 'predict')}</td>${found ? html`<td>${state(m.rule)}</td>` : nothing}</tr>`)}</tbody></table></div>
    <p class="note">The rules of <span class="mono">heed doctor</span>, which looks at runs and data as well; the page of the doctor has the causes.</p>`;
}

/** Backticks as in the page that this comes from. @param {string} text */
const code = text => text.split('`').map((part, i) => (i % 2 ? html`<span class="mono">${part}</span>` : part));

/** @param {Store} store */
function shots(store) {
  const { x } = store.state;
  const lines = (x.shots ?? EXAMPLES).split('\n').map(l => l.split('=>').map(p => p.trim())).filter(p => p.length === 2 && p[0] && p[1]);
  const text = x.label || 'Nobody rang, and the box is gone.';
  const count = Math.min(lines.length, x.show === undefined || x.show === '' ? lines.length : Number(x.show));
  const labels = [...new Set(lines.map(l => l[1]))].sort();
  const body = { examples: lines.slice(0, count).map(([t, l]) => ({ text: t, label: l })), labels, text };
  const name = `fewshot|${JSON.stringify(body)}`;
  const reply = store.use(name, signal => store.engine.post('fewshot', body, signal)), error = store.failure(name);
  const best = reply ? Math.max(...reply.labels.map((/** @type {any} */ l) => l.corrected)) : 0;
  return html`<div class="fields"><label class="wide">examples, one a line: text =&gt; label<textarea rows="5" spellcheck="false" .value=${x.shots ?? EXAMPLES} @change=${(/** @type {any} */ e) => put(store, { shots: e.target.value })}></textarea></label>
      <label class="wide">text to be labelled<input type="text" class="wide" .value=${text} @change=${(/** @type {any} */ e) => put(store, { label: e.target.value })}></label>
      <label class="field">examples shown <input type="number" min="0" max=${lines.length} .value=${String(count)} @change=${(/** @type {any} */ e) => put(store, { show: e.target.value })}></label></div>
    ${error ? failed('This model cannot be asked so', error.message) : !reply ? skeleton(6) : html`<div class="cols part">
      <section class="gap"><h2>The answer</h2><table class="data"><thead><tr><th>label</th><th class="r">of nothing</th><th class="r">of the text</th><th class="r">corrected</th></tr></thead><tbody>
        ${reply.labels.map((/** @type {any} */ l, /** @type {number} */ i) => html`<tr class=${l.corrected === best ? 'on' : ''}><td class="mono">${l.label}</td>${['prior', 'plain', 'corrected'].map(k => html`<td class="r">${num(`fewshot.${k}`, [i], Math.fround(l[k]), undefined, percent(l[k]))}</td>`)}</tr>`)}</tbody></table>
        <p class="note">“Of nothing”: what the model says after a text without content. The correction divides by it (contextual calibration). By the code of <span class="mono">heed fewshot</span>. Small models learn little from a prompt; compare 0 with all examples.</p></section>
      <section class="gap"><h2>The prompt</h2><pre class="prompt" tabindex="0" role="region" aria-label="Prompt">${reply.prompt}</pre></section></div>`}`;
}
