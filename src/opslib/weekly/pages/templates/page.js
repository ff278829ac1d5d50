(function () {
  "use strict";
  var root = document.documentElement;
  var all = function (selector, within) { return Array.from((within || document).querySelectorAll(selector)); };
  var memory = {};
  function recall(key) { try { return window.localStorage.getItem("opslib-" + key); } catch (refused) { return memory[key] || null; } }
  function keep(key, value) { memory[key] = value; try { window.localStorage.setItem("opslib-" + key, value); } catch (refused) { return; } }

  /* theme */
  var dark = window.matchMedia("(prefers-color-scheme: dark)");
  function isDark() { return root.dataset.theme ? root.dataset.theme === "dark" : dark.matches; }
  var themeButton = document.querySelector("[data-action=theme]");
  function nameTheme() { themeButton.textContent = isDark() ? "Light" : "Dark"; themeButton.setAttribute("aria-label", isDark() ? "Light theme" : "Dark theme"); }
  function turn() { root.dataset.theme = isDark() ? "light" : "dark"; keep("theme", root.dataset.theme); nameTheme(); }
  themeButton.hidden = false;
  themeButton.addEventListener("click", turn);
  dark.addEventListener("change", nameTheme);
  nameTheme();

  /* code */
  var codeButton = document.querySelector("[data-action=code]");
  function toggleCode() {
    var show = codeButton.getAttribute("aria-pressed") !== "true";
    all("details.code").forEach(function (fold) { fold.open = show; });
    codeButton.setAttribute("aria-pressed", String(show));
    codeButton.textContent = show ? "Hide code" : "Show code";
  }
  if (codeButton) { codeButton.hidden = false; codeButton.addEventListener("click", toggleCode); }

  /* tables: sort, filter */
  var seconds = { d: 86400, h: 3600, min: 60, s: 1, ms: 0.001 };
  /* numbers without separators of thousands, with a point: 1,204.5 and 1.204,5 alike, by the locale of the page */
  function plain(text) {
    if (document.documentElement.dataset.decimal !== ",") { return text.replace(/(\d)[,’\u202f\u00a0](?=\d{2,3})/g, "$1"); }
    return text.replace(/(\d)[.’\u202f\u00a0](?=\d{3})/g, "$1").replace(/(\d),(?=\d)/g, "$1.");
  }
  function worth(cell) {
    if (!cell) { return null; }
    if (cell.dataset.sort !== undefined) { var given = Number(cell.dataset.sort); return isNaN(given) || cell.dataset.sort === "" ? (cell.dataset.sort || null) : given; }
    var text = plain((cell.innerText.trim() || cell.textContent.trim()).replace(/\u2212/g, "-"));
    if (text === "" || text === "–" || text === "—" || text === "-" || text === "n/a") { return null; }
    var parts = text.match(/^-?(\d+(?:\.\d+)?\s?(?:d|h|min|ms|s)\b\s*)+/);
    if (parts) {
      var total = 0;
      parts[0].replace(/(\d+(?:\.\d+)?)\s?(d|h|min|ms|s)\b/g, function (all_, number, unit) { total += Number(number) * seconds[unit]; return ""; });
      return text.charAt(0) === "-" ? -total : total;
    }
    var number = text.replace(/[$€£]/g, "").match(/^[+-]?\s?\d+(?:\.\d+)?(?=\s|\u00a0|%|$|\[|\()/);
    return number && cell.classList.contains("num") ? Number(number[0].replace(/\s/, "")) : text;
  }
  function compare(a, b, direction) {
    if (a === null || b === null) { return a === b ? 0 : (a === null ? 1 : -1); }
    if (typeof a === "number" && typeof b === "number") { return direction * (a - b); }
    return direction * String(a).localeCompare(String(b), "en", { numeric: true, sensitivity: "base" });
  }
  function sortable(table) {
    var body = table.tBodies[0];
    if (!table.tHead || table.tHead.rows.length !== 1 || table.tBodies.length !== 1 || body.rows.length < 2) { return; }
    if (all("[rowspan],[colspan]", table).some(function (cell) { return cell.rowSpan > 1 || cell.colSpan > 1; })) { return; }
    var original = Array.from(body.rows);
    Array.from(table.tHead.rows[0].cells).forEach(function (header, column) {
      if (header.tagName !== "TH") { return; }
      if (original.every(function (row) { return worth(row.cells[column]) === null; })) { return; }
      var button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      if (header.querySelector("details")) {
        button.setAttribute("aria-label", "Sort by " + header.querySelector("summary").innerText);
      } else {
        header.dataset.label = header.textContent; /* print: Chromium leaves buttons out of headers that it repeats */
        while (header.firstChild) { button.appendChild(header.firstChild); }
      }
      header.appendChild(button);
      button.addEventListener("click", function () {
        var before = header.getAttribute("aria-sort");
        var first = header.classList.contains("num") ? "descending" : "ascending";
        var second = first === "ascending" ? "descending" : "ascending";
        var next = before === null ? first : (before === first ? second : null);
        all("th[aria-sort]", table.tHead).forEach(function (other) { other.removeAttribute("aria-sort"); });
        var rows = original.slice();
        if (next) {
          header.setAttribute("aria-sort", next);
          var keyed = rows.map(function (row) { return [worth(row.cells[column]), row]; });
          keyed.sort(function (a, b) { return compare(a[0], b[0], next === "ascending" ? 1 : -1); });
          rows = keyed.map(function (pair) { return pair[1]; });
        }
        rows.forEach(function (row) { body.appendChild(row); });
      });
    });
  }
  function narrow(input, table, count) {
    var words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    var rows = Array.from(table.tBodies).reduce(function (list, body) { return list.concat(Array.from(body.rows)); }, []);
    var shown = 0;
    rows.forEach(function (row) {
      var text = (row.dataset.text || row.textContent).toLowerCase();
      row.hidden = !words.every(function (word) { return text.indexOf(word) >= 0; });
      shown += row.hidden ? 0 : 1;
    });
    count.textContent = words.length ? shown + " of " + rows.length : "";
  }
  function filterable(table, number) {
    if (table.tBodies.length !== 1 || table.tBodies[0].rows.length < 13) { return; }
    var line = document.createElement("p"), label = document.createElement("label");
    var input = document.createElement("input"), count = document.createElement("span");
    line.className = "filter";
    label.htmlFor = input.id = "filter-" + number;
    label.textContent = "Filter rows";
    var name = document.createElement("span");
    name.className = "visually-hidden";
    name.textContent = " of " + (table.caption ? table.caption.textContent : "the table");
    label.appendChild(name);
    input.type = "search";
    input.autocomplete = "off";
    count.className = "muted";
    count.setAttribute("role", "status");
    [label, input, count].forEach(function (part) { line.appendChild(part); });
    table.closest(".table-box").before(line);
    input.addEventListener("input", function () { narrow(input, table, count); });
  }
  all(".table-box > table:not(.matrix)").forEach(function (table, number) { if (table.tBodies.length && table.tBodies[0].rows.length >= 12) { sortable(table); } filterable(table, number); });
  all("input[data-filters]").forEach(function (input) {
    var count = input.parentNode.querySelector(".count");
    input.addEventListener("input", function () { narrow(input, document.getElementById(input.dataset.filters), count); });
  });

  /* only the rows whose verdict changed */
  all("input[data-shows-changed]").forEach(function (box) {
    var table = document.getElementById(box.dataset.showsChanged), line = box.closest(".filter");
    line.hidden = false;
    box.addEventListener("change", function () {
      table.classList.toggle("only-changed", box.checked);
      line.querySelector(".count").textContent = box.checked ? all("tr[data-changed]", table).length + " of " + table.tBodies[0].rows.length : "";
      reachable();
    });
  });

  /* boxes that scroll sideways show that they go on, and can be reached and scrolled with the keyboard */
  function edge(box) { box.classList.toggle("goes-on", box.scrollLeft + box.clientWidth < box.scrollWidth - 1); }
  function reachable() {
    all(".table-box, .figure-box, pre").forEach(function (box) {
      edge(box);
      if (box.scrollWidth > box.clientWidth + 1) {
        var caption = box.querySelector("caption");
        box.tabIndex = 0;
        box.setAttribute("role", "group");
        box.setAttribute("aria-label", (caption ? caption.textContent : box.dataset.label || "Text") + ", scrolls sideways");
      } else if (box.hasAttribute("tabindex")) {
        ["tabindex", "role", "aria-label"].forEach(function (name) { box.removeAttribute(name); });
      }
    });
  }
  reachable();
  window.addEventListener("resize", reachable);
  window.addEventListener("load", reachable);
  document.addEventListener("toggle", reachable, true);
  document.addEventListener("scroll", function (event) { if (event.target.classList) { edge(event.target); } }, true);

  /* a metric that is defined somewhere on the page is defined wherever it is named */
  var meanings = {};
  all("details.definition").forEach(function (fold) { meanings[fold.querySelector("summary").textContent.trim()] = fold; });
  all(".headlines dt, .table-box tbody th").forEach(function (name) {
    var fold = meanings[name.textContent.trim()];
    if (!fold || name.querySelector("details")) { return; }
    name.textContent = "";
    name.appendChild(fold.cloneNode(true)).open = false;
  });

  /* definitions: hover or tap, Escape closes */
  all("details.definition").forEach(function (fold) {
    var summary = fold.querySelector("summary");
    function place() {
      var panel = fold.querySelector(":scope > :not(summary)");
      if (!panel || !fold.open) { return; }
      var at = summary.getBoundingClientRect();
      panel.style.left = Math.max(16, Math.min(at.left, root.clientWidth - panel.offsetWidth - 16)) + "px";
      panel.style.top = (at.bottom + panel.offsetHeight + 8 > window.innerHeight ? Math.max(8, at.top - panel.offsetHeight - 6) : at.bottom + 6) + "px";
    }
    var hovered = false;
    fold.addEventListener("toggle", place);
    fold.addEventListener("pointerenter", function (event) { if (event.pointerType === "mouse" && !fold.open) { fold.open = true; hovered = true; place(); } });
    fold.addEventListener("pointerleave", function () { if (hovered) { fold.open = false; hovered = false; } });
    summary.addEventListener("click", function (event) { if (hovered) { event.preventDefault(); hovered = false; } });
    fold.addEventListener("keydown", function (event) { if (event.key === "Escape" && fold.open) { fold.open = false; summary.focus(); } });
    window.addEventListener("scroll", function () { if (fold.open) { place(); } }, { passive: true, capture: true });
  });

  /* what follows the first section is folded on a phone */
  if (window.matchMedia("(max-width: 40rem)").matches) { all("details.part").forEach(function (part) { part.open = false; }); }

  /* a link into a fold opens it */
  function reveal() {
    var place = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (var fold = place && place.closest("details"); fold; fold = fold.parentElement.closest("details")) { fold.open = true; }
    if (place) { place.scrollIntoView(); }
  }
  window.addEventListener("hashchange", reveal);
  reveal();

  /* printing opens nothing that is folded but shows every row */
  window.addEventListener("beforeprint", function () { all("tr[hidden]").forEach(function (row) { row.hidden = false; }); });

  /* keys */
  var dialog = document.querySelector("dialog.keys");
  var switched = dialog.querySelector("[data-action=keys-on]");
  var opener = document.querySelector("[data-action=keys]");
  switched.checked = recall("keys") !== "off";
  switched.addEventListener("change", function () { keep("keys", switched.checked ? "on" : "off"); });
  opener.hidden = false;
  opener.addEventListener("click", function () { dialog.showModal(); });
  dialog.querySelector("[data-action=close]").addEventListener("click", function () { dialog.close(); });
  function step(by) {
    var links = all("main a.stop");
    var stops = (links.length ? links : all("main h2")).filter(function (stop) { return stop.offsetParent; });
    if (!stops.length) { return; }
    var here = stops.indexOf(document.activeElement);
    if (here < 0 && by < 0) { here = stops.findIndex(function (stop) { return stop.getBoundingClientRect().top > 0; }); }
    var next = stops[Math.max(0, Math.min(stops.length - 1, here + by))];
    if (next.tagName !== "A" && !next.closest("summary")) { next.tabIndex = -1; }
    (next.closest("summary") || next).focus();
    next.scrollIntoView({ block: "start" });
  }
  function toFilter() {
    var inputs = all("input[type=search]").filter(function (input) { return input.offsetParent; });
    var ahead = inputs.filter(function (input) { return input.getBoundingClientRect().top > 0; });
    var target = ahead[0] || inputs[0];
    if (target) { target.focus(); target.scrollIntoView({ block: "center" }); }
    return Boolean(target);
  }
  function go(key) { var link = document.querySelector('a[data-key="' + key + '"]'); if (link) { link.click(); } return Boolean(link); }
  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.metaKey || event.altKey || dialog.open || !switched.checked) { return; }
    if (event.target.closest("input, textarea, select")) { return; }
    var done = true;
    switch (event.key) {
      case "t": turn(); break;
      case "?": dialog.showModal(); break;
      case "/": done = toFilter(); break;
      case "j": step(1); break;
      case "k": step(-1); break;
      case "c": if (codeButton) { toggleCode(); } break;
      case "d": done = go("d"); break;
      case "i": done = go("i"); break;
      case "b": done = go("beside") || go("back"); break;
      case "[": done = go("older"); break;
      case "]": done = go("newer"); break;
      default: done = false;
    }
    if (done) { event.preventDefault(); }
  });
}());
