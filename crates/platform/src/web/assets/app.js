// The little that pages cannot do by themselves. Every page works without this file.
const root = document.documentElement;
const $ = (selector, from = document) => from.querySelector(selector);
const all = (selector, from = document) => [...from.querySelectorAll(selector)];
const make = (tag, text = "") => Object.assign(document.createElement(tag), { textContent: text });
const on = (type, act, target = document) => target.addEventListener(type, act);
const json = async (url, options) => {
  const answer = await fetch(url, { headers: { accept: "application/json" }, ...options });
  if (!answer.ok) throw new Error(answer.status);
  return answer.json();
};

// The cookie lets the server's first paint be right already.
const keep = (name, value) => {
  try { localStorage.setItem(name, value); } catch { /* private window */ }
  const secure = location.protocol === "https:" ? ";secure" : "";
  document.cookie = `${name}=${value};path=/;max-age=31536000;samesite=lax${secure}`;
};
const kept = (name) => { try { return localStorage.getItem(name); } catch { return null; } };

if (kept("theme")) root.dataset.theme = kept("theme");
const toggleTheme = () => {
  const now = root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  keep("theme", root.dataset.theme = now === "dark" ? "light" : "dark");
};

const sidebar = (value) => {
  if (value === "mini") root.dataset.sidebar = "mini"; else delete root.dataset.sidebar;
  $("[data-sidebar-toggle]")?.setAttribute("aria-pressed", value === "mini");
};
if (kept("sidebar") !== null) sidebar(kept("sidebar"));

// Command bar
const command = $("#command");
if (command) {
  const input = $("input", command), list = $("#command-list"), note = $(".command-note", command);
  const pages = all(".nav li a, a.nav-top").map((a) => ({
    title: $(".nav-label", a).textContent, href: a.getAttribute("href"),
    detail: $("summary .nav-label", a.closest("details") ?? a)?.textContent ?? "",
  }));
  let wait, asked, options = [], at = 0;
  const choose = (i) => {
    if (options[at]) options[at].ariaSelected = "false";
    if (!options.length) return input.removeAttribute("aria-activedescendant");
    at = (i + options.length) % options.length;
    options[at].ariaSelected = "true";
    options[at].scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", options[at].id);
  };
  const show = (groups) => {
    options = [];
    list.replaceChildren(...groups.filter((g) => g.items.length).map((group) => {
      const box = make("div"), name = make("div", group.label);
      box.role = "group"; box.ariaLabel = group.label; name.ariaHidden = "true";
      box.append(name, ...group.items.map((item) => {
        const a = make("a", item.title), detail = make("small", item.detail ?? "");
        Object.assign(a, { href: item.href, role: "option", tabIndex: -1, id: `command-${options.length}`, ariaSelected: "false" });
        a.append(detail);
        options.push(a);
        return a;
      }));
      return box;
    }));
    at = 0; choose(0);
  };
  const pagesFor = (q) => {
    const words = q.toLowerCase().split(/\s+/);
    return pages.filter((p) => words.every((w) => `${p.detail} ${p.title}`.toLowerCase().includes(w))).slice(0, q ? 6 : 50);
  };
  const here = () => {
    const local = { label: "Pages", items: pagesFor(input.value.trim()) };
    show([local]);
    note.textContent = "";
    return local;
  };
  const ask = async () => {
    const q = input.value.trim(), local = here();
    asked?.abort();
    if (q.length < 2) return;
    asked = new AbortController();
    try {
      const { groups } = await json(`${command.dataset.src}?q=${encodeURIComponent(q)}`, { signal: asked.signal });
      show([...groups, local]);
      note.textContent = options.length ? "" : `Nothing matches “${q}”.`;
    } catch (error) {
      if (error?.name !== "AbortError") note.textContent = "The search did not answer. Try again.";
    }
  };
  const open = () => { if (!command.open) { input.value = ""; command.showModal(); ask(); } };
  // Pages answer each key at once, so that Enter never takes what an earlier word meant.
  on("input", () => { clearTimeout(wait); asked?.abort(); here(); wait = setTimeout(ask, 120); }, input);
  on("keydown", (e) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (step) { e.preventDefault(); choose(at + step); }
    if (e.key === "Enter" && options[at]) { e.preventDefault(); options[at].click(); }
  }, input);
  on("click", (e) => e.target === command && command.close(), command);
  on("keydown", (e) => {
    const slash = e.key === "/" && !e.target.matches("input, textarea, select") && !e.ctrlKey && !e.metaKey && !e.altKey;
    const k = e.key.toLowerCase() === "k" && (e.ctrlKey || e.metaKey);
    if ((slash && !$("dialog[open]")) || k) { e.preventDefault(); open(); }
  });
}

// Bulk boxes
const recount = (form) => {
  const boxes = all(".tick-box", form), n = boxes.filter((b) => b.checked).length;
  const count = $("[data-bulk-count]", form), every = $("[data-tick-all]", form);
  if (count) count.textContent = `${n} ${n === 1 ? count.dataset.one : count.dataset.many} ticked`;
  if (every) { every.checked = n > 0 && n === boxes.length; every.indeterminate = n > 0 && n < boxes.length; }
};
let lastTick;
on("click", (e) => {
  if (!e.target.matches?.(".tick-box")) return;
  const boxes = all(".tick-box", e.target.form), a = boxes.indexOf(lastTick), b = boxes.indexOf(e.target);
  if (e.shiftKey && a >= 0) boxes.slice(Math.min(a, b), Math.max(a, b)).forEach((box) => { box.checked = e.target.checked; });
  lastTick = e.target;
  recount(lastTick.form);
});
on("change", (e) => {
  if (!e.target.matches("[data-tick-all]")) return;
  all(".tick-box", e.target.form).forEach((box) => { box.checked = e.target.checked; });
  recount(e.target.form);
});

on("click", (e) => {
  const el = e.target;
  if (el.closest("[data-theme-toggle]")) return toggleTheme();
  if (el.closest("[data-sidebar-toggle]")) {
    const value = root.dataset.sidebar === "mini" ? "" : "mini";
    keep("sidebar", value);
    return sidebar(value);
  }
  const copy = el.closest("[data-copy]");
  if (copy) {
    navigator.clipboard?.writeText(copy.dataset.copy).then(() => { copy.title = "Copied"; });
    return;
  }
  all("details.menu[open]").forEach((menu) => { if (!menu.contains(el)) menu.open = false; });
  const row = el.closest("tr[data-href]");
  if (row && !el.closest("a, button, input, label, select, summary") && !String(getSelection())) {
    if (e.ctrlKey || e.metaKey) window.open(row.dataset.href); else $("a[href]", row).click();
  }
});
on("keydown", (e) => {
  if (e.key !== "Escape") return;
  const menu = $("details.menu[open]"), drawer = $("#drawer:checked");
  if (menu) { menu.open = false; $("summary", menu).focus(); } else if (drawer) { drawer.checked = false; drawer.focus(); }
});

// The check against robots: the form waits until the work is done
all("[data-work]").forEach((box) => {
  const form = box.closest("form"), answer = form.elements.captcha_answer, note = $("[data-work-note]", box);
  const worker = new Worker(box.dataset.work);
  note.textContent = "Your browser is showing that it is no robot …";
  worker.onmessage = ({ data }) => {
    answer.value = data;
    note.textContent = "Your browser has shown that it is no robot.";
    if (box.waiting) form.requestSubmit(box.waiting.submitter);
  };
  worker.onerror = () => { note.textContent = "Your browser could not show that it is no robot. Load the page again."; };
  worker.postMessage({ token: form.elements.captcha_token.value, bits: +box.dataset.bits });
  form.addEventListener("submit", (e) => {
    if (answer.value) return;
    e.preventDefault();
    e.stopPropagation();
    box.waiting = { submitter: e.submitter };
    note.textContent = "One moment: the form is sent when your browser has shown that it is no robot …";
  });
});

// Forms: ask before typed work is lost, and send once
on("change", (e) => { if (e.target.id === "drawer" && e.target.checked) $(".brand a").focus(); });
const dirty = new Set();
on("input", (e) => { const form = e.target.closest?.("form[data-dirty]"); if (form) dirty.add(form); });
on("submit", (e) => {
  const form = e.target;
  dirty.delete(form);
  if (!form.matches("[data-once]")) return;
  if (form.dataset.sent) return e.preventDefault();
  form.dataset.sent = "1";
  // Not `disabled`: a disabled button would not send its name and value.
  all("button:not([type=button])", form).forEach((b) => b.setAttribute("aria-busy", "true"));
});
on("beforeunload", (e) => { if (dirty.size) e.preventDefault(); }, window);
on("pageshow", (e) => e.persisted && all("form[data-sent], [aria-busy]").forEach((el) => {
  delete el.dataset.sent;
  el.removeAttribute("aria-busy");
}), window);
$("[data-focus]")?.focus();

// Passkeys: the server asks, the device answers, and the answer goes with the form
on("submit", async (e) => {
  const form = e.target, field = form.elements;
  if (!form.matches("[data-passkey]") || field.response.value) return;
  e.preventDefault();
  const note = $("[data-passkey-note]", form), button = $("button", form);
  const say = (text) => { note.textContent = text; button.removeAttribute("aria-busy"); };
  const creates = form.dataset.passkey === "create";
  const keys = window.PublicKeyCredential;
  if (!(creates ? keys?.parseCreationOptionsFromJSON : keys?.parseRequestOptionsFromJSON)) {
    return say("This browser cannot use passkeys here.");
  }
  button.setAttribute("aria-busy", "true");
  try {
    const body = new URLSearchParams(field.csrf ? { csrf: field.csrf.value } : {});
    const { token, options } = await json(form.dataset.options, { method: "POST", body });
    const credential = creates
      ? await navigator.credentials.create({ publicKey: keys.parseCreationOptionsFromJSON(options.publicKey) })
      : await navigator.credentials.get({ publicKey: keys.parseRequestOptionsFromJSON(options.publicKey) });
    field.token.value = token;
    field.response.value = JSON.stringify(credential);
    form.submit();
  } catch (error) {
    const why = { NotAllowedError: "Nothing was chosen, or it took too long.", InvalidStateError: "This device has a passkey for you already.", SecurityError: "Passkeys do not work at this address." };
    say(why[error?.name] ?? "The passkey could not be used. Try again.");
  }
});

// Progress of long work
all("[data-progress-src]").forEach((box) => {
  const bar = $("progress", box);
  let pause = 1000;
  const look = async () => {
    try {
      const state = await json(box.dataset.progressSrc, { cache: "no-store" });
      pause = 1000;
      bar.max = state.total || 1; bar.value = state.done;
      all("[data-progress]", box).forEach((part) => { part.textContent = state[part.dataset.progress] ?? "–"; });
      if (state.state === "finished") return location.reload();
    } catch { pause = Math.min(pause * 2, 15000); }
    setTimeout(look, pause);
  };
  setTimeout(look, pause);
});
