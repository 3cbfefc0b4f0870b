// The pages, in the order of the navigator. A page is one file: see, why, attempt, stage.

/** @type {{id: string, title: string, group: string, load: () => Promise<any>}[]} */
export const PAGES = [
  { id: 'tokens', title: 'Tokens', group: 'Read', load: () => import('./tokens.js') },
  { id: 'positions', title: 'Positions', group: 'Read', load: () => import('./positions.js') },
  { id: 'attention', title: 'Attention', group: 'Look', load: () => import('./attention.js') },
  { id: 'steps', title: 'Attention, step by step', group: 'Look', load: () => import('./steps.js') },
  { id: 'heads', title: 'Heads', group: 'Look', load: () => import('./heads.js') },
  { id: 'masks', title: 'Masks', group: 'Look', load: () => import('./masks.js') },
  { id: 'structure', title: 'Structure', group: 'Build', load: () => import('./structure.js') },
  { id: 'norm', title: 'Norm', group: 'Build', load: () => import('./norm.js') },
  { id: 'ffn', title: 'Feed-forward', group: 'Build', load: () => import('./ffn.js') },
  { id: 'predict', title: 'Prediction', group: 'Write', load: () => import('./predict.js') },
  { id: 'why', title: 'Why', group: 'Write', load: () => import('./why.js') },
  { id: 'objectives', title: 'Objectives', group: 'Write', load: () => import('./objectives.js') },
  { id: 'embeddings', title: 'Embeddings', group: 'Compare', load: () => import('./embeddings.js') },
  { id: 'compare', title: 'Recurrence', group: 'Compare', load: () => import('./compare.js') },
  { id: 'models', title: 'Models', group: 'Compare', load: () => import('./models.js') },
  { id: 'size', title: 'Size calculator', group: 'Compare', load: () => import('./size.js') },
  { id: 'debug', title: 'Debug', group: 'Prove', load: () => import('./debug.js') },
  { id: 'selfcheck', title: 'Self-check', group: 'Prove', load: () => import('./selfcheck.js') },
  { id: 'guess', title: 'Guess first', group: 'Learn', load: () => import('./guess.js') },
  { id: 'learn', title: 'Cards and sheets', group: 'Learn', load: () => import('./learn.js') },
];
