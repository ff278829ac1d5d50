(function () {
  "use strict";
  var kept = null;
  try { kept = window.localStorage.getItem("opslib-theme"); } catch (refused) { kept = null; }
  if (kept === "light" || kept === "dark") { document.documentElement.dataset.theme = kept; }
  document.documentElement.classList.add("js");
}());
