import { html, nothing } from '../vendor/lit.js';
import { exact, num, short, word } from '../numbers.js';
import { skeleton } from '../parts/states.js';

/** @typedef {import('../store.js').Store} Store */
/** @typedef {import('../contract.js').TensorSummary} Summary */
/** @typedef {import('../contract.js').DifferenceReply} Difference */

/** A trace that was opened from a file, against the run in view. @type {{trace: string, name: string, reply: Difference | null, error: string}} */
const saved = { trace: '', name: '', reply: null, error: '' };

export default {
  see: 'The run as a list of operations: step through them, watch a tensor, stop at the first number that is none, and hold two runs against each other.',
  why: 'When a model says something wrong, the question is where it began. The first tensor that differs, or that is not finite, is the place to look.',
  attempt: { label: 'Next operation', run: (/** @type {Store} */ store) => step(store, 1) },

  /** @param {Store} store */
  stage(store) {
    const all = operations(store);
    const failed = store.failureAbout('operations');
    if (failed) return html`<div class="state"><h2>No operations</h2><p>${failed.message}</p></div>`;
    if (!all) return skeleton(10);
    const at = place(store, all);
    const bad = all.findIndex(o => o.notFinite > 0);
    return html`
      <div class="bar">
        <div class="seg" role="group" aria-label="Step"><button aria-label="First operation" ?disabled=${at === 0} @click=${() => go(store, 0)}>⇤</button>
          <button aria-label="Operation before" ?disabled=${at === 0} @click=${() => step(store, -1)}>←</button>
          <button aria-label="Next operation" ?disabled=${at === all.length - 1} @click=${() => step(store, 1)}>→</button>
          <button aria-label="Next layer" @click=${() => go(store, nextLayer(all, at))}>⇥</button></div>
        <label class="field">operation <input type="range" min="0" max=${all.length - 1} step="1" .value=${String(at)} aria-valuetext=${all[at].name} @input=${(/** @type {any} */ e) => go(store, Number(e.target.value))}>
          <output class="mono">${at + 1} of ${all.length}</output></label>
        <button class="btn" ?disabled=${bad < 0} @click=${() => go(store, bad)}>${bad < 0 ? 'Every number is finite' : 'Stop at the first NaN or infinity'}</button>
      </div>
      ${bad >= 0 ? html`<p class="warn" role="alert">The first number that is not finite stands in <b class="mono">${all[bad].name}[${all[bad].firstNotFinite?.join(', ')}]</b>,
        operation ${bad + 1} of ${all.length}; there are ${all[bad].notFinite} of them. What comes before it is finite.</p>` : nothing}
      ${now(store, all[at])}
      ${watched(store, all)}
      <section class="part"><h2>All operations</h2><p class="note">In the order in which the model computed them. Hidden scores (−∞ after the mask) are as they should be and do not count.</p>
        <label class="field">names that contain <input type="text" id="filter" class="wide" .value=${store.state.x.find ?? ''} placeholder="attn.pattern" @input=${(/** @type {any} */ e) => put(store, { find: e.target.value })}></label>
        ${table(store, all, at)}</section>
      ${compare(store)}`;
  },
};

/** @param {Store} store @returns {Summary[] | undefined} */
const operations = store => store.about('operations')?.operations;

/** @param {Store} store @param {Record<string, string>} patch */
const put = (store, patch) => store.set({ x: { ...store.state.x, ...patch } });

/** @param {Store} store @param {Summary[]} all */
const place = (store, all) => Math.min(all.length - 1, Math.max(0, Number(store.state.x.op ?? 0) || 0));

/** @param {Store} store @param {number} to */
function go(store, to) {
  const all = operations(store);
  if (!all) return;
  const at = Math.min(all.length - 1, Math.max(0, to));
  put(store, { op: String(at) });
  store.say(`operation ${at + 1} of ${all.length}: ${all[at].name}`);
}

/** @param {Store} store @param {number} by */
function step(store, by) {
  const all = operations(store);
  if (all) go(store, place(store, all) + by);
}

addEventListener('heed-step', () => {
  const { store } = /** @type {any} */ (window).heed;
  if (store.state.page === 'debug') step(store, 1);
});

/** The first operation of the next layer. @param {Summary[]} all @param {number} at */
function nextLayer(all, at) {
  /** @param {Summary} o */ const layer = o => /(?:^|\.)blocks\.\d+/.exec(o.name)?.[0] ?? '';
  const next = all.findIndex((o, i) => i > at && layer(o) !== layer(all[at]));
  return next < 0 ? all.length - 1 : next;
}

/** What came before it in its own part. @param {Store} store @param {Summary} o */
function now(store, o) {
  const watch = watches(store).includes(o.name);
  return html`<section class="gap" aria-label="Operation in view"><div class="row between"><h2 class="mono name">${o.name}</h2>
    <button class="btn" aria-pressed=${String(watch)} @click=${() => put(store, { watch: (watch ? watches(store).filter(n => n !== o.name) : [...watches(store), o.name]).join(' ') })}>${watch ? 'Watched' : 'Watch'}</button></div>
    <div class="scroll" tabindex="0" role="region" aria-label="Numbers of the operation in view"><table class="data"><thead><tr><th>shape</th><th class="r">least</th><th class="r">most</th><th class="r">mean</th><th class="r">length (L2)</th><th class="r">not finite</th></tr></thead>
      <tbody><tr><td class="mono">[${o.shape.join(', ')}]</td>${figures(o)}<td class="r mono">${o.notFinite}</td></tr></tbody></table></div>
    <div><h3>First values</h3><p class="row tight">${o.first.map((v, i) => num(o.name, index(i, o.shape), Math.fround(Number(v)), (h, x) => store.openFirst(h, x)))}</p></div></section>`;
}

/** @param {Summary} o */
const figures = o => [o.least, o.most, o.mean, o.norm].map(v => html`<td class="r mono" title=${String(v)}>${short(Number(v))}</td>`);

/** @param {number} i @param {readonly number[]} shape */
function index(i, shape) {
  const at = shape.map(() => 0);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    at[axis] = i % shape[axis];
    i = Math.floor(i / shape[axis]);
  }
  return at;
}

/** @param {Store} store @returns {string[]} */
const watches = store => (store.state.x.watch ?? '').split(' ').filter(w => w);

/** The watched tensors, beside those of the run without changes where there are some. @param {Store} store @param {Summary[]} all */
function watched(store, all) {
  const names = watches(store);
  if (!names.length) return nothing;
  const clean = store.clean && store.clean.id !== store.trace.id ? store.about('operations', {}, store.clean)?.operations : undefined;
  return html`<section class="part" aria-label="Watched"><h2>Watched</h2><p class="note">They stay in view while you change the text, switch heads off or step on.</p>
    <div class="scroll" tabindex="0" role="region" aria-label="Watched tensors"><table class="data"><thead><tr><th>tensor</th><th>shape</th><th class="r">least</th><th class="r">most</th><th class="r">mean</th><th class="r">length</th>
      ${clean ? html`<th class="r">length without the change</th>` : nothing}<th>first values</th><td></td></tr></thead><tbody>${names.map(name => {
    const o = all.find(x => x.name === name);
    if (!o) return html`<tr><td class="mono">${name}</td><td colspan="6" class="muted">this run has none of this name</td><td>${drop(store, name)}</td></tr>`;
    const before = clean?.find((/** @type {Summary} */ x) => x.name === name);
    return html`<tr><td class="mono">${name}</td><td class="mono">[${o.shape.join(', ')}]</td>${figures(o)}${clean ? html`<td class="r mono">${before ? short(Number(before.norm)) : '–'}</td>` : nothing}
      <td>${o.first.slice(0, 4).map((v, i) => num(name, index(i, o.shape), Math.fround(Number(v))))}</td><td>${drop(store, name)}</td></tr>`;
  })}</tbody></table></div></section>`;
}

/** @param {Store} store @param {string} name */
const drop = (store, name) => html`<button class="btn" aria-label="Watch ${name} no more" @click=${() => put(store, { watch: watches(store).filter(n => n !== name).join(' ') })}>×</button>`;

/** @param {Store} store @param {Summary[]} all @param {number} at */
function table(store, all, at) {
  const find = (store.state.x.find ?? '').trim();
  const shown = all.map((o, i) => ({ o, i })).filter(({ o }) => o.name.includes(find));
  if (!shown.length) return html`<p class="muted">No name contains “${find}”.</p>`;
  return html`<div class="scroll tall" tabindex="0" role="region" aria-label="All operations"><table class="data"><thead><tr><th class="r">no.</th><th>tensor</th><th>shape</th><th class="r">least</th><th class="r">most</th><th class="r">mean</th>
    <th class="r">length</th><th class="r">not finite</th></tr></thead><tbody>${shown.map(({ o, i }) => html`<tr class=${i === at ? 'on' : ''}><td class="r mono">${i + 1}</td>
    <td><button class="tok" aria-pressed=${String(i === at)} @click=${() => go(store, i)}>${o.name}</button></td><td class="mono">[${o.shape.join(', ')}]</td>${figures(o)}
    <td class="r mono">${o.notFinite ? html`<b class="fails">${o.notFinite}</b>` : '0'}</td></tr>`)}</tbody></table></div>`;
}

/** Two runs side by side. @param {Store} store */
function compare(store) {
  const other = store.state.x.other ?? '';
  const live = store.engine.live;
  return html`<section class="part" aria-label="Two runs"><h2>Two runs side by side</h2>
    <p class="note">Another text of as many tokens, the run without the changes, or a trace that was saved before: tensor by tensor, bit for bit, the first that differs first.</p>
    ${live ? html`<div class="row">
      <label class="field">another text <input type="text" class="wide" id="other" .value=${other} placeholder=${store.state.t ?? ''} @change=${(/** @type {any} */ e) => put(store, { other: e.target.value })}></label>
      <button class="btn" @click=${() => save(store)}>Save this run</button>
      <label class="btn">Open a saved run<input class="sr" type="file" @change=${(/** @type {any} */ e) => open(store, e.target)}></label></div>` : html`<p class="muted">A recording compares nothing: start heed explore for that.</p>`}
    ${live ? result(store, other) : nothing}</section>`;
}

/** @param {Store} store @param {string} other */
function result(store, other) {
  if (saved.trace === store.trace.id && (saved.reply || saved.error)) {
    return html`<p class="row">Saved run <b class="mono">${saved.name}</b> (first) against this run (second).
      <button class="btn" @click=${() => { saved.trace = ''; store.changed(); }}>Close</button></p>${saved.error ? html`<p class="warn" role="alert">${saved.error}</p>` : difference(store, /** @type {Difference} */ (saved.reply))}`;
  }
  const changed = store.clean && store.clean.id !== store.trace.id;
  if (!other && !changed) return html`<p class="muted">Type another text, or change something (switch a head off): what differs stands here.</p>`;
  /** @type {any} */ let second = store.clean;
  if (other) {
    const key = `other|${store.state.iv.join()}|${other}`;
    second = store.use(key, signal => store.engine.post('trace', { text: other, decoderText: store.state.dt ?? store.trace.decoderText, interventions: store.state.iv }, signal));
    const failed = store.failure(key);
    if (failed) return html`<p class="warn" role="alert">${failed.message}</p>`;
    if (!second) return skeleton(4);
  }
  const query = { other: second.id };
  const failed = store.failureAbout('difference', query);
  if (failed) return html`<p class="warn" role="alert">${failed.message}</p>`;
  const reply = store.about('difference', query);
  return reply ? html`<p>This run (first) against ${other ? html`<b class="mono">${other}</b> (second)` : 'the run without the changes (second)'}.</p>${difference(store, reply)}` : skeleton(4);
}

/** @param {Store} store @param {Difference} d */
function difference(store, d) {
  const first = d.differences[0];
  return html`
    ${d.sameWeights ? nothing : html`<p class="warn">The weights differ: the file was written with another model.</p>`}
    ${d.firstTokens.length !== d.secondTokens.length ? html`<p class="warn">The first run has ${d.firstTokens.length} tokens and the second ${d.secondTokens.length}. Tensors of other shapes cannot be held against each
      other: choose a text of as many tokens.</p>` : d.sameText ? nothing : html`<p>Tokens that differ: ${d.firstTokens.flatMap((t, i) => (t === d.secondTokens[i] ? [] : [html`<span class="mono">${word({ text: t, piece: t })} → ${word({ text: d.secondTokens[i], piece: d.secondTokens[i] })}</span> `]))}</p>`}
    ${first ? html`<p class="lead">The first tensor that differs is <b class="mono">${first.name}</b>, at [${first.index.join(', ')}]: ${short(Number(first.first))} and ${short(Number(first.second))}.
      ${d.differences.length} of ${d.compared} differ.</p>
      <div class="scroll tall" tabindex="0" role="region" aria-label="Tensors that differ"><table class="data"><thead><tr><th>tensor</th><th class="r">largest difference</th><th class="r">of its length</th><th>at</th><th class="r">first</th><th class="r">second</th></tr></thead>
      <tbody>${d.differences.map(v => html`<tr><td class="mono">${v.name}</td><td class="r mono">${short(Number(v.largest))}</td><td class="r mono">${short(Number(v.relative))}</td><td class="mono">[${v.index.join(', ')}]</td>
        <td class="r mono" title=${exact(Number(v.first))}>${short(Number(v.first))}</td><td class="r mono" title=${exact(Number(v.second))}>${short(Number(v.second))}</td></tr>`)}</tbody></table></div>`
    : d.compared ? html`<p class="lead">All ${d.compared} tensors that both have are equal, bit for bit.</p>` : nothing}
    ${d.others.length ? html`<details><summary>${d.others.length} tensors that only one has, or of other shapes</summary><p class="mono note">${d.others.join(', ')}</p></details>` : nothing}`;
}

/** @param {Store} store */
async function save(store) {
  const link = document.createElement('a');
  link.href = `api/saved?trace=${store.trace.id}`;
  link.download = `${store.model.id}.trace`;
  link.click();
  store.say('Run saved');
}

/** @param {Store} store @param {HTMLInputElement} input */
async function open(store, input) {
  const file = input.files?.[0];
  if (!file) return;
  Object.assign(saved, { trace: store.trace.id, name: file.name, reply: null, error: '' });
  try {
    saved.reply = await store.engine.send('saved-difference', { trace: store.trace.id }, file);
  } catch (e) {
    saved.error = /** @type {Error} */ (e).message;
  }
  input.value = '';
  store.changed();
}
