import { html } from '../vendor/lit.js';
import { grouped } from '../numbers.js';
import { skeleton } from '../parts/states.js';

/** @typedef {import('../store.js').Store} Store */

export default {
  see: 'Famous models with their true configurations, counted from their shapes, beside the one that is open.',
  why: 'The same few numbers – layers, width, heads, vocabulary – make a model of a million or of a hundred billion parameters.',
  attempt: { label: 'Order by parameters', run: (/** @type {Store} */ store) => store.set({ x: { ...store.state.x, by: store.state.x.by ? '' : 'parameters' } }) },
  needsNoRun: true,

  /** @param {Store} store */
  stage(store) {
    const reply = store.use('catalogue', signal => store.engine.json('catalogue', {}, signal));
    if (!reply) return skeleton(10);
    const most = Math.max(...reply.models.map((/** @type {any} */ m) => m.parameters));
    const rows = store.state.x.by ? [...reply.models].sort((a, b) => b.parameters - a.parameters) : reply.models;
    return html`<div class="scroll" tabindex="0" role="region" aria-label="Models"><table class="data"><thead><tr><th>model</th><th class="r">parameters</th><th>size, log</th><th class="r">layers</th><th class="r">width</th><th class="r">heads</th><th class="r">vocabulary</th><th class="r">context</th><th>source</th></tr></thead><tbody>
      <tr class="on"><td><b>${store.model.id}</b> (open)</td><td class="r mono">${grouped(store.model.parameters)}</td><td>${bar(store.model.parameters, most)}</td><td class="r mono">${store.model.layers}</td><td class="r mono">${store.model.width}</td>
        <td class="r mono">${store.model.stacks[0]?.heads ?? ''}</td><td class="r mono">${grouped(store.model.vocabulary)}</td><td></td><td>${store.model.architecture}</td></tr>
      ${rows.map((/** @type {any} */ m) => html`<tr><td><a href="size?model=${m.name}" @click=${(/** @type {Event} */ e) => { e.preventDefault(); store.set({ page: 'size', x: { model: m.name } }); }}>${m.name}</a></td>
        <td class="r mono">${grouped(m.parameters)}</td><td>${bar(m.parameters, most)}</td><td class="r mono">${m.layers}</td><td class="r mono">${m.width}</td><td class="r mono">${m.heads ? m.heads + (m.keyHeads !== m.heads ? ` / ${m.keyHeads}` : '') : ''}</td>
        <td class="r mono">${grouped(m.vocabulary)}</td><td class="r mono">${m.context ? grouped(m.context) : ''}</td><td>${m.source}${m.note ? `; ${m.note}` : ''}</td></tr>`)}</tbody></table></div>
      <p class="note">Papers round: GPT-2’s smallest is called 117M there and has 124,439,808 parameters. Choose a name to open it in the calculator.</p>`;
  },
};

/** @param {number} n @param {number} most */
const bar = (n, most) => html`<svg width="80" height="8" aria-hidden="true"><rect width="80" height="8" fill="var(--tint)"></rect><rect width=${80 * Math.max(0, Math.log10(n / 1e3) / Math.log10(most / 1e3))} height="8" fill="var(--embed)"></rect></svg>`;
