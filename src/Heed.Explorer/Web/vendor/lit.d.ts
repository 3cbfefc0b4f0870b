// What the pages use of lit.js, for the checker.
type Template = (strings: TemplateStringsArray, ...values: unknown[]) => unknown;
export const html: Template;
export const svg: Template;
export const nothing: unique symbol;
export function render(value: unknown, root: HTMLElement): void;
export function ref(callback: (element: Element | undefined) => void): unknown;
export class LitElement extends HTMLElement {
  createRenderRoot(): LitElement | ShadowRoot;
  connectedCallback(): void;
  disconnectedCallback(): void;
  requestUpdate(): void;
  addController(controller: { hostConnected?(): void; hostDisconnected?(): void }): void;
  render(): unknown;
  updated(): void;
}
