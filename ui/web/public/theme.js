// Before the first paint: the theme that was chosen here last.
try {
  const chosen = JSON.parse(localStorage.getItem("oriel.theme"));
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage is blocked: as the system says.
}
