// Pages outside the shell follow the theme that was chosen in it.
"use strict";
let theme = "auto";
try {
  theme = JSON.parse(localStorage.getItem("adminTheme")) || theme;
} catch {
  // no storage, or somebody else's value: follow the system
}
const dark = theme === "dark" || (theme === "auto" && window.matchMedia("(prefers-color-scheme: dark)").matches);
document.documentElement.classList.toggle("dark", dark);
document.documentElement.classList.toggle("dark-mode", dark); // Swagger UI's name for it
