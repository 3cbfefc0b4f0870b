import { html, nothing } from '../vendor/lit.js';
import { styled } from './style.js';
import { num, percent, visible } from '../numbers.js';

/**
 * Candidates as bars. The bar is the probability with the settings; numbers are the engine's.
 * @param {import('../store.js').Store} store @param {any} reply @param {{before?: any, drawn?: boolean}=} options
 */
export function candidates(store, reply, options = {}) {
  const most = Math.max(...reply.candidates.map((/** @type {any} */ c) => (options.drawn ? Math.max(c.drawn, c.probability) : c.probability)), 1e-9);
  const full = most > 0.5 ? 1 : most * 1.15;
  const old = new Map((options.before?.candidates ?? []).map((/** @type {any} */ c) => [c.id, c.probability]));
  const cut = options.drawn ? reply.candidates.findIndex((/** @type {any} */ c) => c.drawn === 0) : -1;
  return html`<div class="cands" role="list">${reply.candidates.map((/** @type {any} */ c, /** @type {number} */ n) => {
    const p = options.drawn && c.drawn > 0 ? c.drawn : c.probability;
    return html`${n === cut ? html`<p class="cutline" role="listitem">cut here: ${reply.kept} of ${reply.vocabulary} stay, ${percent(reply.keptMass)} of the mass</p>` : nothing}
    <div class="cand ${options.drawn && c.drawn === 0 ? 'cut' : ''}" role="listitem"><span class="word" title="id ${c.id}">${visible(c.text)}</span>
      <span class="track"><span class="fill" ${styled({ width: `${100 * p / full}%` })}></span>
        ${old.has(c.id) ? html`<span class="ghost" ${styled({ width: `${100 * Number(old.get(c.id)) / full}%` })}></span>` : nothing}</span>
      ${num(reply.kind === 'tokens' ? 'probability' : 'class', [reply.at, c.id], Math.fround(p), undefined, percent(p))}</div>`;
  })}</div>`;
}
