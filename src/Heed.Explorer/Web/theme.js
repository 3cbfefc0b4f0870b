// Before the first paint: the reader's theme, if there is one.
(() => {
  const chosen = localStorage.getItem('heed-theme');
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
})();
