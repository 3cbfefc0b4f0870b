import { html, nothing, svg } from '../vendor/lit.js';
import { grouped } from '../numbers.js';
import { skeleton } from '../parts/states.js';

/** @typedef {import('../store.js').Store} Store */

const COLOUR = { attention: 'var(--attention)', cross: 'var(--attention)', 'feed-forward': 'var(--feed)', embedding: 'var(--embed)', positions: 'var(--embed)', norm: 'var(--norm)', head: 'var(--output)' };
const SPINE = 300, STEP = 46, WIDTH = 520;

export default {
  see: 'The parts of this model in the order in which it computed your text: one stream from bottom to top, and loops that add to it.',
  why: 'A layer replaces nothing; it reads the stream and adds. That is why a model can be read layer by layer.',
  attempt: { label: 'Open the first layer', run: (/** @type {Store} */ store) => store.set({ L: 0, x: { ...store.state.x, all: store.state.x.all ? '' : '1' } }) },

  /** @param {Store} store */
  stage(store) {
    const reply = store.about('structure');
    if (!reply) return skeleton(10);
    const node = store.state.x.node ?? '';
    return html`<div class="row"><span><b class="big">${grouped(store.model.parameters)}</b> parameters</span><span class="muted">${store.model.architecture} · width ${store.model.width} · vocabulary
        ${grouped(store.model.vocabulary)} · stored as ${store.model.storedType}</span></div>
      <div class="towers part">${reply.towers.map((/** @type {any} */ t) => html`<div class="scroll" tabindex="0" role="region" aria-label="Tower ${t.name || ''}">${tower(store, t, reply.towers)}</div>`)}</div>
      ${node ? detail(reply.tree, node) : html`<p class="note">Choose a part to see its matrices.</p>`}
      ${reply.tied.length ? html`<p class="note">Shared: ${reply.tied.join('; ')}.</p>` : nothing}
      <details class="part"><summary>The whole tree of modules</summary><div class="scroll" tabindex="0" role="region" aria-label="Modules"><table class="data"><thead><tr><th>part</th><th>kind</th><th class="r">values</th><th>tensors</th></tr></thead>
        <tbody>${flat(reply.tree).slice(0, 400).map(m => html`<tr><td class="mono">${m.site || m.path || '(model)'}</td><td>${m.kind}</td><td class="r mono">${grouped(m.parameters)}</td><td class="mono">${m.shapes.join(', ')}</td></tr>`)}</tbody></table></div></details>`;
  },
};

/** @param {any} module @returns {any[]} */
const flat = module => [module, ...module.children.flatMap(flat)];

/** @param {any} tree @param {string} site */
function detail(tree, site) {
  const found = flat(tree).filter(m => m.site === site || m.site.startsWith(site + '.'));
  return html`<section class="part" aria-label="Chosen part"><h2 class="mono">${site}</h2>${found.length ? html`<table class="data"><thead><tr><th>module</th><th>kind</th><th class="r">values</th><th>tensors</th></tr></thead><tbody>
    ${found.map(m => html`<tr><td class="mono">${m.site}</td><td>${m.kind}</td><td class="r mono">${grouped(m.parameters)}</td><td class="mono">${m.shapes.join(', ')}</td></tr>`)}</tbody></table>` : html`<p class="note">It has no weights of its own.</p>`}</section>`;
}

/** One spine. @param {Store} store @param {any} t @param {any[]} towers */
function tower(store, t, towers) {
  const open = Math.min(store.state.L, t.layers.length - 1);
  /** @type {any[]} */ const items = [];
  for (const s of t.before) items.push({ ...s, form: 'in' });
  for (const layer of t.layers) {
    if (layer.layer !== open && !store.state.x.all) {
      items.push({ form: 'closed', layer, parameters: layer.steps.reduce((/** @type {number} */ n, /** @type {any} */ s) => n + s.parameters, 0) });
      continue;
    }
    items.push({ form: 'name', layer });
    items.push(...loops(layer));
  }
  for (const s of t.after) items.push({ ...s, form: 'out' });
  const height = items.reduce((n, i) => n + tall(i), 0) + 60;
  let y = height - 30;
  const parts = items.map(i => {
    y -= tall(i);
    return draw(store, i, y);
  });
  return svg`<svg class="picture spine" width=${WIDTH} height=${height} viewBox="0 0 ${WIDTH} ${height}" role="group" aria-label="Structure ${t.name}">
    <line x1=${SPINE} x2=${SPINE} y1="20" y2=${height - 20} stroke="var(--residual)" stroke-width="3"></line>
    <path d="M${SPINE - 6} 28L${SPINE} 16L${SPINE + 6} 28" fill="none" stroke="var(--residual)" stroke-width="3"></path>
    <text x=${SPINE + 14} y=${height - 16} font-size="12">${t.name ? t.name + ': ' : ''}${t.name === 'decoder' ? store.trace.decoderTokens.length : store.trace.tokens.length} rows of ${store.model.width}</text>
    ${parts}${t.name === 'encoder' && towers.length > 1 ? svg`<text x=${SPINE + 14} y="22" font-size="12" fill-opacity=".8">to every cross-attention of the decoder →</text>` : nothing}</svg>`;
}

/** @param {any} i */
const tall = i => (i.form === 'loop' ? STEP * 2.1 : i.form === 'closed' ? 34 : i.form === 'name' ? 26 : STEP);

/** Steps of a layer as loops: a part, its norm as a collar, and the place where it is added. @param {any} layer */
function loops(layer) {
  /** @type {any[]} */ const out = [];
  /** @type {any[]} */ let norms = [];
  for (const step of layer.steps) {
    if (step.kind === 'norm') {
      if (layer.preNorm) norms.push(step);
      else out.push({ ...step, form: 'spine' });
    } else if (step.kind !== 'add' && step.kind !== 'part') {
      out.push({ ...step, form: 'loop', norms });
      norms = [];
    }
  }
  // A post-norm after its loop: the order of the computation has put it there already.
  return out;
}

/** @param {Store} store @param {any} i @param {number} y */
function draw(store, i, y) {
  /** @param {string} site */
  const pick = site => () => store.set({ x: { ...store.state.x, node: site } });
  const colour = COLOUR[/** @type {keyof typeof COLOUR} */ (i.kind)] ?? 'var(--muted)';
  if (i.form === 'name') return svg`<text x="8" y=${y + 18} font-size="12" font-weight="650">layer ${i.layer.layer}</text>`;
  if (i.form === 'closed') return svg`<g class="pick" role="button" tabindex="0" aria-label="layer ${i.layer.layer} · ${grouped(i.parameters)}: open" @click=${() => store.set({ L: i.layer.layer })} @keydown=${(/** @type {KeyboardEvent} */ e) => e.key === 'Enter' && store.set({ L: i.layer.layer })}>
    <rect x=${SPINE - 74} y=${y + 3} width="148" height="28" rx="6" fill="var(--page)" stroke="var(--rule)"></rect><text x=${SPINE} y=${y + 21} text-anchor="middle" font-size="12">layer ${i.layer.layer} · ${grouped(i.parameters)}</text></g>`;
  if (i.form === 'loop') {
    const h = tall(i), x = 24, w = 178, mid = y + h / 2;
    return svg`<g class="pick" role="button" tabindex="0" @click=${pick(i.site)} @keydown=${(/** @type {KeyboardEvent} */ e) => e.key === 'Enter' && pick(i.site)()}>
      <path d="M${SPINE} ${y + h - 10}C${SPINE - 40} ${y + h - 10} ${x + w / 2 + 50} ${y + h - 4} ${x + w / 2} ${mid + 24}" fill="none" stroke=${colour} stroke-width="2.4"></path>
      <path d="M${x + w / 2} ${mid - 24}C${x + w / 2 + 50} ${y + 6} ${SPINE - 40} ${y + 14} ${SPINE - 9} ${y + 14}" fill="none" stroke=${colour} stroke-width="2.4"></path>
      <rect x=${x} y=${mid - 25} width=${w} height="50" rx="8" fill="var(--page)" stroke=${colour} stroke-width="2"></rect>
      <text x=${x + 12} y=${mid - 6} font-size="13" font-weight="650">${{ attention: 'A  attention', cross: 'X  cross-attention', 'feed-forward': 'F  feed-forward' }[/** @type {'attention'} */ (i.kind)] ?? i.kind}</text>
      <text x=${x + 12} y=${mid + 12} font-size="12" fill-opacity=".8">${grouped(i.parameters)} · ${String(i.note).split(', ').slice(0, 1)}</text>
      ${i.norms.map((/** @type {any} */ n) => svg`<g @click=${(/** @type {Event} */ e) => { e.stopPropagation(); pick(n.site)(); }}><rect x=${SPINE - 60} y=${y + h - 19} width="14" height="18" rx="3" fill="var(--page)" stroke="var(--norm)" stroke-width="2"></rect><title>${n.name}</title>
        <text x=${SPINE - 42} y=${y + h + 2} font-size="11" fill-opacity=".8" text-anchor="start"></text></g>`)}
      <circle cx=${SPINE} cy=${y + 14} r="9" fill="var(--page)" stroke="var(--residual)" stroke-width="2"></circle><path d="M${SPINE - 5} ${y + 14}h10M${SPINE} ${y + 9}v10" stroke="var(--residual)" stroke-width="2"></path>
      <text x=${SPINE + 18} y=${mid + 4} font-size="12" fill-opacity=".8">${String(i.note).split(', ').slice(1).join(', ')}</text>
      ${i.norms.length ? svg`<text x=${SPINE + 18} y=${y + h - 6} font-size="12" fill-opacity=".8">${i.norms[0].name} first</text>` : nothing}</g>`;
  }
  const label = { embedding: 'token table', positions: 'position table', norm: i.name, head: 'scores over the vocabulary' }[/** @type {'norm'} */ (i.kind)] ?? i.kind;
  const collar = i.form === 'spine' || i.kind === 'norm';
  return svg`<g class="pick" role="button" tabindex="0" @click=${pick(i.site)} @keydown=${(/** @type {KeyboardEvent} */ e) => e.key === 'Enter' && pick(i.site)()}>
    ${collar ? svg`<rect x=${SPINE - 12} y=${y + 14} width="24" height="14" rx="3" fill="var(--page)" stroke="var(--norm)" stroke-width="2"></rect>` : svg`<rect x=${SPINE - 104} y=${y + 6} width="208" height="32" rx="8" fill="var(--page)" stroke=${colour} stroke-width="2"></rect>`}
    <text x=${collar ? SPINE + 20 : SPINE} y=${y + 26} text-anchor=${collar ? 'start' : 'middle'} font-size="12.5">${label}${i.parameters && !collar ? ` · ${grouped(i.parameters)}` : ''}</text></g>`;
}
