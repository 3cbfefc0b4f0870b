// Spaced repetition after Leitner (1972): a card that was known moves one box on and rests longer, one that was not begins anew. Kept in this browser only.

const KEPT = 'heed-cards';
const DAY = 86_400_000;

/** Days that a card rests in each box. */
export const RESTS = [0, 1, 3, 7, 16, 35];

/** @typedef {Record<string, {box: number, due: number}>} Boxes */

/** @returns {Boxes} */
export function boxes() {
  try {
    const read = JSON.parse(localStorage.getItem(KEPT) ?? '{}');
    return read && typeof read === 'object' && !Array.isArray(read) ? read : {};
  } catch {
    return {};
  }
}

/** Grades a card. @param {string} id @param {boolean} knew @param {number} now milliseconds */
export function grade(id, knew, now) {
  const all = boxes();
  const box = knew ? Math.min(RESTS.length - 1, (all[id]?.box ?? 0) + 1) : 0;
  all[id] = { box, due: now + RESTS[box] * DAY };
  try {
    localStorage.setItem(KEPT, JSON.stringify(all));
  } catch {
    // A browser that keeps nothing begins anew each time.
  }
  return all[id];
}

/** The cards that are due, those longest due first; new ones in the order of the deck. @param {string[]} ids @param {number} now */
export function due(ids, now) {
  const all = boxes();
  return ids.filter(id => (all[id]?.due ?? 0) <= now).sort((a, b) => (all[a]?.due ?? 0) - (all[b]?.due ?? 0) || ids.indexOf(a) - ids.indexOf(b));
}

/** All cards are new again. */
export function forget() {
  try {
    localStorage.removeItem(KEPT);
  } catch {
    // There was nothing.
  }
}
