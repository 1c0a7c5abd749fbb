// Runs templates/apps_script/Code.gs as Google's machines would: its services are stood in for with node's own crypto and HTTP.
// In: {"script": path, "properties": {}, "sheet": {"name", "values", "selected": [[first row, last row], ...]}, "prompt": text or null,
//      "calls": [[function, ...arguments], ...]}. Out: what each call returned or threw, and all that people would have seen.

const crypto = require('crypto');
const fs = require('fs');
const vm = require('vm');
const { spawnSync } = require('child_process');

const given = JSON.parse(fs.readFileSync(0, 'utf8'));
const seen = { toasts: [], alerts: [], sidebars: [], dialogs: [], menus: [], prompts: [], requests: [] };
const store = { script: { ...given.properties }, user: {} };

// UrlFetchApp waits for the answer; node can only do so in another process.
const FETCH = `
const http = require('http');
const asked = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const body = asked.payload === undefined ? undefined : Buffer.from(asked.payload, 'utf8');
const headers = { ...asked.headers };
if (body) { headers['Content-Type'] = asked.contentType; headers['Content-Length'] = body.length; }
const request = http.request(asked.url, { method: asked.method.toUpperCase(), headers }, (answer) => {
  const parts = [];
  answer.on('data', (part) => parts.push(part));
  answer.on('end', () => process.stdout.write(JSON.stringify({ code: answer.statusCode, text: Buffer.concat(parts).toString('utf8') })));
});
request.on('error', (error) => { console.error(error.message); process.exit(1); });
request.end(body);
`;

function fetch(url, options) {
  seen.requests.push({ url, ...options });
  const done = spawnSync(process.execPath, ['-e', FETCH], { input: JSON.stringify({ url, ...options }), encoding: 'utf8' });
  if (done.status !== 0) throw new Error('Address unavailable: ' + url);
  const { code, text } = JSON.parse(done.stdout);
  return { getResponseCode: () => code, getContentText: () => text };
}

// Google hands bytes out signed.
const signedBytes = (buffer) => Array.from(new Int8Array(buffer));

function properties(kept) {
  return {
    getProperties: () => ({ ...kept }),
    getProperty: (name) => (name in kept ? kept[name] : null),
    setProperty: (name, value) => { kept[name] = String(value); },
    setProperties: (values) => { Object.assign(kept, values); },
  };
}

function menu(title) {
  const items = [];
  const made = {
    title, items,
    addItem: (label, call) => { items.push([label, call]); return made; },
    addSeparator: () => made,
    addSubMenu: (other) => { items.push([other.title, other.items]); return made; },
    addToUi: () => { seen.menus.push({ title, items }); return made; },
  };
  return made;
}

function output(html) {
  const made = { html, title: '', setTitle: (title) => { made.title = title; return made; }, setWidth: () => made, setHeight: () => made };
  return made;
}

const ui = {
  ButtonSet: { OK: 'OK', OK_CANCEL: 'OK_CANCEL' },
  Button: { OK: 'OK', CANCEL: 'CANCEL' },
  createMenu: menu,
  alert: (title, text) => { seen.alerts.push(text); },
  prompt: (title, text) => {
    seen.prompts.push(text);
    return { getSelectedButton: () => (given.prompt === null ? 'CANCEL' : 'OK'), getResponseText: () => given.prompt || '' };
  },
  showSidebar: (page) => { seen.sidebars.push({ title: page.title, html: page.html }); },
  showModalDialog: (page, title) => { seen.dialogs.push({ title, html: page.html }); },
};

const sheet = {
  getName: () => given.sheet.name,
  getDataRange: () => ({ getValues: () => given.sheet.values }),
  getActiveRangeList: () => ({
    getRanges: () => given.sheet.selected.map(([first, last]) => ({ getRow: () => first, getLastRow: () => last })),
  }),
};

const world = vm.createContext({
  Utilities: {
    Charset: { UTF_8: 'utf8' },
    DigestAlgorithm: { SHA_256: 'sha256' },
    computeHmacSha256Signature: (text, key, charset) =>
      signedBytes(crypto.createHmac('sha256', Buffer.from(key, charset)).update(Buffer.from(text, charset)).digest()),
    computeDigest: (algorithm, text, charset) => signedBytes(crypto.createHash(algorithm).update(Buffer.from(text, charset)).digest()),
    getUuid: () => crypto.randomUUID(),
  },
  UrlFetchApp: { fetch },
  PropertiesService: { getScriptProperties: () => properties(store.script), getUserProperties: () => properties(store.user) },
  SpreadsheetApp: {
    getUi: () => ui,
    getActive: () => ({ toast: (text) => { seen.toasts.push(text); } }),
    getActiveSheet: () => sheet,
  },
  HtmlService: { createHtmlOutput: output },
  Session: { getActiveUser: () => ({ getEmail: () => given.email || '' }) },
});
vm.runInContext(fs.readFileSync(given.script, 'utf8'), world, { filename: 'Code.gs' });

const results = given.calls.map(([name, ...parameters]) => {
  try {
    const value = world[name](...parameters);
    return { value: value === undefined ? null : value };
  } catch (error) {
    return { error: error.message };
  }
});
process.stdout.write(JSON.stringify({ results, store, ...seen }));
