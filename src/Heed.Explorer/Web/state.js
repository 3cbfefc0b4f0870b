// What the address says is all that a page knows: a link brings the same view back.

/** @typedef {{page: string, t: string | null, dt: string | null, m: string | null, S: string, L: number, H: number, q: number, k: number, view: string,
 *   iv: string[], x: Record<string, string>}} State */

const VERSION = '1';

/** @type {State} */
const START = { page: 'attention', t: null, dt: null, m: null, S: '', L: 0, H: 0, q: -1, k: -1, view: '', iv: [], x: {} };

/** Names of the address that are no page's own. */
const KNOWN = new Set(['v', 'm', 't', 'dt', 'S', 'L', 'H', 'q', 'k', 'view', 'iv']);

/** @param {URL} url @param {string} base @returns {State} */
export function read(url, base) {
  const p = url.searchParams;
  const path = url.pathname.startsWith(base) ? url.pathname.slice(base.length).replace(/\/$|\/?index\.html$/, '') : '';
  /** @param {string} name @param {number} standard */
  const whole = (name, standard) => (/^-?\d{1,6}$/.test(p.get(name) ?? '') ? Number(p.get(name)) : standard);
  return {
    page: path || START.page,
    t: p.get('t'),
    dt: p.get('dt'),
    m: p.get('m'),
    S: p.get('S') ?? START.S,
    L: whole('L', START.L),
    H: whole('H', START.H),
    q: whole('q', START.q),
    k: whole('k', START.k),
    view: p.get('view') ?? '',
    iv: (p.get('iv') ?? '').split(',').filter(w => w),
    x: Object.fromEntries([...p].filter(([name]) => !KNOWN.has(name))),
  };
}

/** @param {State} s @param {string} base @returns {string} */
export function write(s, base) {
  const p = new URLSearchParams();
  p.set('v', VERSION);
  if (s.m) p.set('m', s.m);
  if (s.t !== null) p.set('t', s.t);
  if (s.dt !== null) p.set('dt', s.dt);
  if (s.S) p.set('S', s.S);
  for (const name of /** @type {const} */ (['L', 'H', 'q', 'k'])) if (s[name] !== START[name]) p.set(name, String(s[name]));
  if (s.view) p.set('view', s.view);
  if (s.iv.length) p.set('iv', s.iv.join(','));
  for (const [name, value] of Object.entries(s.x)) if (value !== '') p.set(name, value);
  return base + s.page + '?' + p.toString().replaceAll('%2C', ',').replaceAll('%3A', ':').replaceAll('%40', '@');
}
