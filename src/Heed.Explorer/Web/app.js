import { html, nothing, render } from './vendor/lit.js';
import { Store } from './store.js';
import { PAGES } from './pages/index.js';
import { grouped, percent, visible, word } from './numbers.js';
import { inspector } from './parts/inspector.js';
import { failed, skeleton } from './parts/states.js';
import { exportMenu } from './parts/export.js';
import { tour } from './parts/tour.js';
import { help } from './parts/help.js';

const store = new Store();
const root = /** @type {HTMLElement} */ (document.getElementById('app'));
/** @type {Record<string, any>} */ const loaded = {};

/** The page in the address; the first one if it is unknown. */
const current = () => PAGES.find(p => p.id === store.state.page) ?? PAGES[0];

/** @param {string} id */
function load(id) {
  const entry = PAGES.find(p => p.id === id);
  if (!entry || loaded[id]) return loaded[id];
  loaded[id] = 'loading';
  entry.load().then(module => {
    loaded[id] = module.default;
    store.changed();
  }, () => {
    loaded[id] = undefined;
    store.error = new Error('A part of the page could not be loaded. Start the server again.');
    store.changed();
  });
  return loaded[id];
}

function draw() {
  const entry = current();
  document.title = `${entry.title} · Heed Explorer`;
  render(frame(entry), root);
}

/** @param {any} entry */
const frame = entry => html`
  <a class="sr" href="#stage" @click=${skip}>Skip to the page</a>
  <div class="frame">
    ${top()}
    ${nav(entry)}
    <main class="stage" id="stage" tabindex="-1">${stage(entry)}</main>
    <aside class="side" aria-label="Inspector" tabindex="0">${store.trace ? inspector(store) : skeleton(5)}</aside>
    ${timeline()}
  </div>
  <div class="sr" role="status" aria-live="polite">${store.said}</div>
  ${tour(store)} ${help(store)}`;

/** @param {Event} e */
function skip(e) {
  e.preventDefault();
  document.getElementById('stage')?.focus();
}

const top = () => html`
  <header class="top">
    <a class="brand" href="." @click=${(/** @type {Event} */ e) => go(e, 'attention')}><img src="icon.svg" alt="">Heed Explorer</a>
    <div class="text">
      <label class="sr" for="text">Text for the model</label>
      <input id="text" type="text" autocomplete="off" spellcheck="false" maxlength="4000" ?disabled=${!store.model}
        placeholder=${store.model?.tokenizerMissing ? 'ids, separated by blanks' : 'Type a text: every key runs the model'}
        .value=${store.state.t ?? ''} @input=${(/** @type {any} */ e) => store.set({ t: e.target.value }, true)}>
      ${store.model?.texts.length > 1 ? html`<label class="sr" for="texts">Example texts</label>
        <select id="texts" title="Examples" @change=${(/** @type {any} */ e) => { store.set({ t: e.target.value }); e.target.selectedIndex = 0; }}>
          <option value="" hidden>⋯</option>${store.model.texts.map((/** @type {string} */ t) => html`<option>${t}</option>`)}</select>` : nothing}
    </div>
    ${store.model ? html`<div class="model"><b>${store.model.id}</b><br><span class="muted">${store.busy ? 'running …' : store.trace
      ? `${store.trace.milliseconds.toFixed(0)} ms ${/** @type {any} */ (store.engine.constructor).where}` : ''}</span></div>` : nothing}
    <button class="icon" title="Tour" aria-label="Tour" @click=${() => store.set({ x: { ...store.state.x, tour: '1' } })}>${glyph('M9 6.5a3 3 0 1 1 4 2.8c-.9.4-1 1-1 2M12 15h.01')}</button>
    ${exportMenu(store)}
    <button class="icon" title="Light or dark" aria-label="Light or dark" @click=${theme}>${glyph('M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16')}</button>
  </header>`;

/** @param {string} d */
const glyph = d => html`<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" aria-hidden="true"><path d=${d}></path></svg>`;

/** @param {any} entry */
const nav = entry => html`
  <nav class="nav" aria-label="Pages">${[...new Set(PAGES.map(p => p.group))].map(group => html`
    <h2>${group}</h2>
    <ul>${PAGES.filter(p => p.group === group).map(p => html`<li><a href=${p.id} aria-current=${p === entry ? 'page' : nothing}
      @click=${(/** @type {Event} */ e) => go(e, p.id)}>${p.title}</a></li>`)}</ul>`)}
  </nav>`;

/** @param {Event} e @param {string} page */
function go(e, page) {
  const mouse = /** @type {MouseEvent} */ (e);
  if (mouse.metaKey || mouse.ctrlKey || mouse.shiftKey) return;
  e.preventDefault();
  store.set({ page, view: '', x: store.state.x.tour ? { tour: store.state.x.tour } : {} });
  scrollTo(0, 0);
}

/** @param {any} entry */
function stage(entry) {
  if (store.opening?.state === 'failed') return failed('This model cannot be opened', store.opening.error);
  if (!store.model) return store.error ? failed('No answer', store.error.message) : opening();
  const page = load(entry.id);
  if (!page || page === 'loading') return skeleton(8);
  const words = html`
    ${store.otherModel ? html`<p class="warn">This link was made with ${store.otherModel}; you see ${store.state.m}. Numbers differ.</p>` : nothing}
    <div class="head">
      <h1>${entry.title}</h1>
      <p class="lead">${page.see}</p>
      <p class="why">${page.why}</p>
      ${page.attempt ? html`<div class="row"><button class="btn try" ?disabled=${!store.trace} @click=${() => page.attempt.run(store)}>${page.attempt.label}</button></div>` : nothing}
    </div>`;
  if (page.needsNoRun) return html`${words}${page.stage(store)}`;
  if (store.error && !store.trace) return html`${words}${failed('This text does not run', store.error.message)}`;
  if (!store.trace) return html`${words}${skeleton(8)}`;
  return html`${words}${notes()}${page.stage(store)}`;
}

function notes() {
  const { trace, error } = store;
  return html`
    ${error ? html`<p class="warn" role="alert">${error.message}</p>` : nothing}
    ${trace.cut ? html`<p class="warn">The text is longer than ${trace.tokens.length} tokens, which is all that is read here. The last ${trace.cut} were cut off,
      after “${trace.tokens.at(-1).text}”.</p>` : nothing}
    ${trace.firstNotFinite ? html`<p class="warn" role="alert">A number is not finite. The first such tensor is <b class="mono">${trace.firstNotFinite}</b>.</p>` : nothing}
    ${store.state.iv.length ? html`<p class="warn">Changed: ${store.state.iv.map(iv => html`<b class="mono">${iv}</b> `)}
      <button class="btn" @click=${() => store.set({ iv: [] })}>Undo all</button></p>` : nothing}`;
}

function opening() {
  const o = store.opening;
  return html`<div class="state"><h2>${o ? `Reading ${o.name}` : 'Opening'}</h2>
    ${o?.totalBytes ? html`<progress max=${o.totalBytes} value=${o.bytes} aria-label="Bytes read"></progress>
      <p class="muted mono">${grouped(o.bytes)} of ${grouped(o.totalBytes)} bytes · ${o.tensor}</p>` : html`<p class="muted">The first numbers come in a moment.</p>`}</div>`;
}

function timeline() {
  if (!store.trace) return html`<footer class="time">${skeleton(1)}</footer>`;
  const tokens = store.tokens(store.state.S);
  const q = store.query;
  const layers = store.stack.layers;
  return html`<footer class="time" aria-label="Tokens and layers">
    ${store.model.stacks.length > 1 ? html`<div class="seg" role="group" aria-label="Side">${store.model.stacks.map((/** @type {any} */ s) => html`
      <button aria-pressed=${String(s.name === store.state.S)} @click=${() => store.set({ S: s.name, L: 0, H: 0, q: -1, k: -1 })}>${s.name}</button>`)}</div>` : nothing}
    <div class="strip" role="group" aria-label="Tokens">${tokens.map((/** @type {any} */ token, /** @type {number} */ i) => html`
      <button class="tok ${token.special ? 'special' : ''} ${i === store.state.k ? 'key' : ''}" aria-pressed=${String(i === q)} title="${visible(token.piece)} · id ${token.id}"
        @click=${(/** @type {MouseEvent} */ e) => store.set(e.shiftKey ? { k: i } : { q: i })}>${word(token)}</button>`)}</div>
    <div class="layers"><span class="muted">layer</span>
      <button class="icon" aria-label="Layer below" @click=${() => step('L', -1)}>−</button><span class="mono">${Math.min(store.state.L, layers - 1)}</span>
      <button class="icon" aria-label="Layer above" @click=${() => step('L', 1)}>+</button></div>
  </footer>`;
}

/** @param {'L' | 'H'} what @param {number} by */
function step(what, by) {
  const most = what === 'L' ? store.stack.layers : store.stack.heads;
  store.set({ [what]: Math.min(most - 1, Math.max(0, store.state[what] + by)) });
}

function theme() {
  const html = document.documentElement;
  const dark = html.dataset.theme ? html.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  html.dataset.theme = dark ? 'light' : 'dark';
  localStorage.setItem('heed-theme', html.dataset.theme);
  dispatchEvent(new Event('heed-theme'));
  store.changed();
}

addEventListener('keydown', e => {
  const target = /** @type {HTMLElement} */ (e.target);
  if (e.key === 'Escape') {
    if (target.matches('input')) target.blur();
    store.hover = null;
    if (store.path.length) store.path = [];
    else if (store.trace) store.set({ q: -1, k: -1 });
    store.changed();
    return;
  }

  if (!store.trace || e.ctrlKey || e.metaKey || e.altKey || target.matches('input, select, textarea, [role="grid"], [role="grid"] *')) return;
  const last = store.tokens(store.state.S).length - 1;
  /** @type {Record<string, () => void>} */
  const keys = {
    ArrowLeft: () => store.set({ q: Math.max(0, store.query - 1) }),
    ArrowRight: () => store.set({ q: Math.min(last, store.query + 1) }),
    ArrowUp: () => step('L', 1),
    ArrowDown: () => step('L', -1),
    '[': () => step('H', -1),
    ']': () => step('H', 1),
    '/': () => /** @type {HTMLInputElement} */ (document.getElementById('text')).focus(),
    '?': () => /** @type {any} */ (document.getElementById('help')).showModal(),
    a: () => ablate(),
    p: () => store.set({ q: store.query }),
  };
  if (e.key === ' ' && !target.matches('button, a, summary, dialog *')) keys[' '] = () => dispatchEvent(new Event('heed-step'));
  const act = keys[e.key];
  if (!act || (e.key.startsWith('Arrow') && target.matches('dialog *'))) return;
  e.preventDefault();
  act();
  const token = store.tokens(store.state.S)[store.query];
  if (token) store.say(`${word(token)}, layer ${store.state.L}, head ${store.state.H}`);
});

/** Switches the head in view off, or on again. */
function ablate() {
  const prefix = store.state.S ? store.state.S + '.' : '';
  const iv = `zero:${prefix}blocks.${store.state.L}.attn:${store.state.H}`;
  store.set({ iv: store.state.iv.includes(iv) ? store.state.iv.filter(i => i !== iv) : [...store.state.iv, iv] });
}

root.textContent = '';
store.listen(draw);
draw();
store.start().catch(e => {
  store.error = e;
  store.changed();
});
// For tests and the console: what the page knows.
Object.assign(window, { heed: { store, percent } });
