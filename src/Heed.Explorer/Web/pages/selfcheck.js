import { html, nothing } from '../vendor/lit.js';
import { skeleton } from '../parts/states.js';

/** @typedef {import('../store.js').Store} Store */
/** @typedef {import('../contract.js').CheckReply} Check */
/** @typedef {import('../contract.js').CheckResult} Result */

const GROUPS = [
  ['inspection', 'What must hold of any model', 'Identities of the inspection library, on the opened weights and the text above.'],
  ['lab', 'What courses say, measured', 'The quick experiments of the lab, with one seed. A claim may turn out wrong: the check passes when the numbers are where they were expected before the run.'],
];

const WORDS = { passed: '✓ as expected', failed: '✗ not as expected', skipped: '– left out' };

/** Results of one run of the model; another text or change begins anew. @type {{trace: string, results: Map<string, Result>, running: string, stop: AbortController | null, error: string}} */
const now = { trace: '', results: new Map(), running: '', stop: null, error: '' };

export default {
  see: 'Checks that run on the opened weights while you wait: each says what should be so, what was expected and what was measured.',
  why: 'A number on a page is worth what stands behind it. Here the model proves the rules that the other pages rely on, on your text.',
  attempt: { label: 'Run all checks', run: (/** @type {Store} */ store) => { const all = list(store); if (all) runAll(store, all); } },

  /** @param {Store} store */
  stage(store) {
    if (!store.engine.live) return html`<div class="state"><h2>A recording cannot check itself</h2><p>Start heed explore with the model: the checks run on its weights.</p></div>`;
    const all = list(store);
    if (!all) return skeleton(10);
    begin(store);
    const done = [...now.results.values()];
    const count = (/** @type {string} */ state) => done.filter(r => r.state === state).length;
    return html`
      <div class="bar">
        <span role="status"><b class="big">${done.length}</b> of ${all.length} run</span>
        <span>${count('passed')} as expected</span><span class=${count('failed') ? 'fails' : ''}>${count('failed')} not</span><span class="muted">${count('skipped')} left out</span>
        ${now.running ? html`<button class="btn" @click=${() => now.stop?.abort()}>Stop</button><span class="muted mono">${now.running} …</span>` : nothing}
      </div>
      ${now.error ? html`<p class="warn" role="alert">${now.error}</p>` : nothing}
      ${GROUPS.map(([id, title, text]) => html`<section class="part" aria-label=${title}><h2>${title}</h2><p class="note">${text}</p>
        <div class="scroll" tabindex="0" role="region" aria-label="${title}: results"><table class="data checks">
          <thead><tr><th>what should be so</th><th>run</th><th>result</th><th>measured</th><th>expected</th><th class="r">ms</th></tr></thead>
          ${all.filter(c => c.group === id).map(c => rows(store, c))}</table></div></section>`)}`;
  },
};

/** @param {Store} store @returns {Check[] | undefined} */
const list = store => store.use('checks', () => store.engine.json('checks'))?.checks;

/** @param {Store} store */
function begin(store) {
  if (now.trace === store.trace.id) return;
  now.stop?.abort();
  Object.assign(now, { trace: store.trace.id, results: new Map(), running: '', stop: null, error: '' });
}

/** A check and its numbers, one line each. @param {Store} store @param {Check} check */
function rows(store, check) {
  const result = now.results.get(check.name);
  const values = result?.values.length ? result.values : [null];
  return html`<tbody class=${result?.state ?? ''}>${values.map((v, n) => html`<tr>
    ${n ? html`<td colspan="3"></td>` : html`<td><span class="claim">${check.claim}</span><br><span class="muted mono">${check.name}</span>${check.group === 'lab' && check.usesModel
      ? html` <span class="muted">on this model</span>` : nothing}</td>
      <td><button class="btn" ?disabled=${!!now.running} aria-label="Run ${check.name}" @click=${() => runAll(store, [check])}>Run</button></td>
      <td>${now.running === check.name ? html`<span class="muted">runs …</span>` : result ? html`<b>${WORDS[/** @type {'passed'} */ (result.state)]}</b><br><span class="muted claim">${result.verdict}</span>`
        : html`<span class="muted">not run</span>`}</td>`}
    ${v ? html`<td><span class="mono">${v.measured}</span><br><span class="muted claim">${v.what}</span></td>
      <td>${v.asExpected === null ? html`<span class="muted">told</span>` : html`${v.expected} <span aria-hidden="true">${v.asExpected ? '✓' : '✗'}</span><span class="sr">${v.asExpected ? 'met' : 'missed'}</span>`}</td>`
    : html`<td></td><td></td>`}
    <td class="r mono">${result && !n ? Number(result.milliseconds).toFixed(0) : ''}</td></tr>`)}</tbody>`;
}

/** Runs checks one after the other; each row is there when it is done. @param {Store} store @param {Check[]} checks */
async function runAll(store, checks) {
  if (now.running) return;
  begin(store);
  const trace = now.trace, stop = new AbortController();
  Object.assign(now, { stop, error: '' });
  for (const check of checks) now.results.delete(check.name);
  for (const check of checks) {
    now.running = check.name;
    store.changed();
    try {
      const result = await store.engine.post('check', { name: check.name, trace }, stop.signal);
      if (now.trace !== trace) return;
      now.results.set(check.name, result);
    } catch (e) {
      if (now.trace !== trace) return;
      if (!stop.signal.aborted) now.error = /** @type {Error} */ (e).message;
      break;
    }
  }
  now.running = '';
  const failed = [...now.results.values()].filter(r => r.state === 'failed').length;
  store.say(`${now.results.size} checks run, ${failed} not as expected`);
}
