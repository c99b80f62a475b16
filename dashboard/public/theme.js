// Before anything is drawn, so that a chosen theme does not flash: a file of its own because the page's policy takes no inline scripts.
try {
  const chosen = localStorage.getItem('belay-theme');
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
} catch {
  // Storage may be switched off; the system's theme it is.
}
