// Runs before the page is drawn, so that it never flashes in the other theme.
"use strict";
try {
  const kept = localStorage.getItem("theme");
  if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
} catch { /* storage is switched off; the system's theme is used */ }
