// Before the first paint: the theme that was chosen here last.
const chosen = localStorage.getItem("oriel.theme");
if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
