import { ref } from '../vendor/lit.js';

/** Styles by the style object: the page's policy allows no style attributes. @param {Record<string, string>} styles */
export const styled = styles => ref(element => {
  if (!(element instanceof HTMLElement)) return;
  for (const [name, value] of Object.entries(styles)) element.style.setProperty(name, value);
});
