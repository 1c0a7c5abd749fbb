/**
 * A menu for asking Portfolio Desk for actions from this spreadsheet, and a sidebar that follows what becomes of them.
 *
 * Paste this one file into Extensions > Apps Script, save, and reload the spreadsheet; then Portfolio > Set up. It needs no library.
 * Every request is signed with this spreadsheet's own secret, which never leaves the script's properties.
 */

var PROPERTIES = ['PORTFOLIO_URL', 'PORTFOLIO_WORKBOOK', 'PORTFOLIO_ROLE', 'PORTFOLIO_SECRET'];
var TITLE = 'Portfolio';
var TOP_ROWS = 10; // the header row is one of these
var ENDED = ['success', 'partial', 'failed'];
var EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

// <generated> by `python manage.py apps_script_menu` from the actions and tabs that the code declares.
var MENU = {
 "intake": [
  {
   "action": "pm.backlog_sync",
   "call": "pm_backlog_sync",
   "label": "Sync intake and backlog",
   "help": "Takes intake rows into the database, gives them keys, saves the Backlog and shows what changed.",
   "rows": true,
   "tab": false,
   "takes": []
  },
  {
   "action": "pm.undo_run",
   "call": "pm_undo_run",
   "label": "Undo a run",
   "help": "Takes back what one earlier run did; edits that people made since are kept and listed.",
   "rows": false,
   "tab": false,
   "takes": [
    "run"
   ]
  }
 ],
 "backlog": [
  {
   "action": "pm.backlog_sync",
   "call": "pm_backlog_sync",
   "label": "Sync intake and backlog",
   "help": "Takes intake rows into the database, gives them keys, saves the Backlog and shows what changed.",
   "rows": true,
   "tab": false,
   "takes": []
  },
  {
   "action": "pm.generate_llm_summary",
   "call": "pm_generate_llm_summary",
   "label": "Summarise",
   "help": "Asks the language model for a summary of each initiative, stores it and shows it in Backlog.",
   "rows": true,
   "tab": false,
   "takes": []
  },
  {
   "action": "pm.save_selected",
   "call": "pm_save_selected",
   "label": "Save this tab",
   "help": "Saves the tab (all rows, or the selected ones) to the database.",
   "rows": true,
   "tab": true,
   "takes": []
  },
  {
   "action": "pm.switch_framework",
   "call": "pm_switch_framework",
   "label": "Switch the framework",
   "help": "Makes another framework's computed scores the active ones, without computing anything anew.",
   "rows": true,
   "tab": false,
   "takes": [
    "framework"
   ]
  },
  {
   "action": "pm.undo_run",
   "call": "pm_undo_run",
   "label": "Undo a run",
   "help": "Takes back what one earlier run did; edits that people made since are kept and listed.",
   "rows": false,
   "tab": false,
   "takes": [
    "run"
   ]
  }
 ],
 "productops": [
  {
   "action": "pm.populate_initiatives",
   "call": "pm_populate_initiatives",
   "label": "Add missing initiatives",
   "help": "Appends the initiatives that the tabs don't show yet; with template and keys, a model from that template.",
   "rows": true,
   "tab": false,
   "takes": [
    "template"
   ]
  },
  {
   "action": "pm.save_selected",
   "call": "pm_save_selected",
   "label": "Save this tab",
   "help": "Saves the tab (all rows, or the selected ones) to the database.",
   "rows": true,
   "tab": true,
   "takes": []
  },
  {
   "action": "pm.score_selected",
   "call": "pm_score_selected",
   "label": "Score",
   "help": "Saves Scoring_Inputs, MathModels and Params, computes every framework and shows scores and contributions.",
   "rows": true,
   "tab": false,
   "takes": []
  },
  {
   "action": "pm.seed_math_params",
   "call": "pm_seed_math_params",
   "label": "Add missing parameters",
   "help": "Appends a Params row for each name in an approved formula that has none.",
   "rows": true,
   "tab": false,
   "takes": []
  },
  {
   "action": "pm.suggest_math_model_llm",
   "call": "pm_suggest_math_model_llm",
   "label": "Suggest a model",
   "help": "Saves MathModels, asks the language model for formulas and metric chains, and shows them for people to consider.",
   "rows": true,
   "tab": false,
   "takes": []
  },
  {
   "action": "pm.switch_framework",
   "call": "pm_switch_framework",
   "label": "Switch the framework",
   "help": "Makes another framework's computed scores the active ones, without computing anything anew.",
   "rows": true,
   "tab": false,
   "takes": [
    "framework"
   ]
  },
  {
   "action": "pm.undo_run",
   "call": "pm_undo_run",
   "label": "Undo a run",
   "help": "Takes back what one earlier run did; edits that people made since are kept and listed.",
   "rows": false,
   "tab": false,
   "takes": [
    "run"
   ]
  }
 ],
 "optimization": [
  {
   "action": "pm.compare_runs",
   "call": "pm_compare_runs",
   "label": "Compare two runs",
   "help": "Says what changed between the two runs given, or the last two of a scenario, and which change moved which initiative.",
   "rows": false,
   "tab": false,
   "takes": [
    "scenario",
    "run"
   ]
  },
  {
   "action": "pm.explain_selection",
   "call": "pm_explain_selection",
   "label": "Explain initiatives",
   "help": "Says of the initiatives given why they are in or out, what forcing them in or out would cost, and whom it would push out.",
   "rows": true,
   "tab": false,
   "takes": [
    "scenario",
    "run"
   ]
  },
  {
   "action": "pm.measure_next",
   "call": "pm_measure_next",
   "label": "Test against the ranges",
   "help": "Solves a run again over the ranges of approved params: fills selection_frequency in Results, and Measure_Next.",
   "rows": false,
   "tab": false,
   "takes": [
    "scenario",
    "run"
   ]
  },
  {
   "action": "pm.optimize_frontier",
   "call": "pm_optimize_frontier",
   "label": "Vary the capacity",
   "help": "Fills Frontier: what the last run of a scenario, or the run given, would reach with more or less capacity.",
   "rows": false,
   "tab": false,
   "takes": [
    "scenario",
    "run"
   ]
  },
  {
   "action": "pm.optimize_run_all_candidates",
   "call": "pm_optimize_run_all_candidates",
   "label": "Run on all candidates",
   "help": "Chooses the best portfolio from all candidates.",
   "rows": false,
   "tab": false,
   "takes": [
    "scenario",
    "constraint-set",
    "capacity",
    "weights",
    "explain"
   ]
  },
  {
   "action": "pm.optimize_run_selected_candidates",
   "call": "pm_optimize_run_selected_candidates",
   "label": "Run on ticked candidates",
   "help": "Chooses the best portfolio from the ticked rows of Candidates, or the keys given.",
   "rows": false,
   "tab": false,
   "takes": [
    "scenario",
    "constraint-set",
    "capacity",
    "weights",
    "explain"
   ]
  },
  {
   "action": "pm.optimize_save_constraints",
   "call": "pm_optimize_save_constraints",
   "label": "Save scenarios, constraints and targets",
   "help": "Saves Scenario_Config, Constraints and Targets, and compiles the constraint sets.",
   "rows": false,
   "tab": false,
   "takes": []
  },
  {
   "action": "pm.populate_candidates",
   "call": "pm_populate_candidates",
   "label": "Refresh candidates",
   "help": "Adds initiatives that became candidates, and brings every row of Candidates up to date.",
   "rows": true,
   "tab": false,
   "takes": []
  },
  {
   "action": "pm.save_selected",
   "call": "pm_save_selected",
   "label": "Save this tab",
   "help": "Saves the tab (all rows, or the selected ones) to the database.",
   "rows": true,
   "tab": true,
   "takes": []
  },
  {
   "action": "pm.undo_run",
   "call": "pm_undo_run",
   "label": "Undo a run",
   "help": "Takes back what one earlier run did; edits that people made since are kept and listed.",
   "rows": false,
   "tab": false,
   "takes": [
    "run"
   ]
  }
 ]
};
var KEY_HEADERS = {
 "intake": {
  "*": [
   "initiative",
   "initiativeid",
   "initiativekey",
   "initkey",
   "key"
  ]
 },
 "backlog": {
  "Backlog": [
   "initiative",
   "initiativeid",
   "initiativekey",
   "initkey",
   "key"
  ]
 },
 "productops": {
  "Metrics_Config": [
   "key",
   "kpi",
   "kpikey",
   "metric",
   "metrickey"
  ],
  "Scoring_Inputs": [
   "initiative",
   "initiativeid",
   "initiativekey",
   "initkey",
   "key"
  ],
  "MathModels": [
   "initiative",
   "initiativeid",
   "initiativekey",
   "initkey",
   "key"
  ],
  "Params": [
   "initiative",
   "initiativeid",
   "initiativekey",
   "initkey",
   "key"
  ],
  "KPI_Contributions": [
   "initiative",
   "initiativeid",
   "initiativekey",
   "initkey",
   "key"
  ]
 },
 "optimization": {
  "Candidates": [
   "initiative",
   "initiativeid",
   "initiativekey",
   "initkey",
   "key"
  ],
  "Scenario_Config": [
   "name",
   "nameofscenario",
   "scenario",
   "scenarioname"
  ],
  "Runs": [
   "runid"
  ],
  "Results": [
   "runid"
  ],
  "Gaps_And_Alerts": [
   "runid"
  ],
  "Frontier": [
   "runid"
  ],
  "Measure_Next": [
   "runid"
  ]
 }
};
function pm_backlog_sync() { start_("pm.backlog_sync", false); }
function pm_backlog_sync_rows() { start_("pm.backlog_sync", true); }
function pm_compare_runs() { start_("pm.compare_runs", false); }
function pm_explain_selection() { start_("pm.explain_selection", false); }
function pm_explain_selection_rows() { start_("pm.explain_selection", true); }
function pm_generate_llm_summary() { start_("pm.generate_llm_summary", false); }
function pm_generate_llm_summary_rows() { start_("pm.generate_llm_summary", true); }
function pm_measure_next() { start_("pm.measure_next", false); }
function pm_optimize_frontier() { start_("pm.optimize_frontier", false); }
function pm_optimize_run_all_candidates() { start_("pm.optimize_run_all_candidates", false); }
function pm_optimize_run_selected_candidates() { start_("pm.optimize_run_selected_candidates", false); }
function pm_optimize_save_constraints() { start_("pm.optimize_save_constraints", false); }
function pm_populate_candidates() { start_("pm.populate_candidates", false); }
function pm_populate_candidates_rows() { start_("pm.populate_candidates", true); }
function pm_populate_initiatives() { start_("pm.populate_initiatives", false); }
function pm_populate_initiatives_rows() { start_("pm.populate_initiatives", true); }
function pm_save_selected() { start_("pm.save_selected", false); }
function pm_save_selected_rows() { start_("pm.save_selected", true); }
function pm_score_selected() { start_("pm.score_selected", false); }
function pm_score_selected_rows() { start_("pm.score_selected", true); }
function pm_seed_math_params() { start_("pm.seed_math_params", false); }
function pm_seed_math_params_rows() { start_("pm.seed_math_params", true); }
function pm_suggest_math_model_llm() { start_("pm.suggest_math_model_llm", false); }
function pm_suggest_math_model_llm_rows() { start_("pm.suggest_math_model_llm", true); }
function pm_switch_framework() { start_("pm.switch_framework", false); }
function pm_switch_framework_rows() { start_("pm.switch_framework", true); }
function pm_undo_run() { start_("pm.undo_run", false); }
// </generated>

// ---- the menu ----------------------------------------------------------------------------------------------------

function onOpen() {
  var ui = SpreadsheetApp.getUi();
  var menu = ui.createMenu(TITLE);
  var actions = MENU[setup_().PORTFOLIO_ROLE] || [];
  var rows = ui.createMenu('For the selected rows');
  actions.forEach(function (one) {
    menu.addItem(one.label, one.call);
    if (one.rows) rows.addItem(one.label, one.call + '_rows');
  });
  if (actions.length) menu.addSeparator();
  if (actions.some(function (one) { return one.rows; })) menu.addSubMenu(rows).addSeparator();
  if (actions.length) menu.addItem('Follow the last run', 'followLastRun');
  menu.addItem('Set up…', 'showSetup').addToUi();
}

/** Asks for an action; what a menu item does. */
function start_(name, selectedRows) {
  try {
    var asked = body_(action_(name), selectedRows);
    if (!asked) return;
    var answer = request_('POST', '/api/actions/', asked);
    PropertiesService.getUserProperties().setProperty('PORTFOLIO_LAST_RUN', answer.run_id);
    toast_(name + ' is ' + answer.status + ' as run ' + answer.run_id);
    showSidebar_(answer.run_id, name);
  } catch (error) {
    toast_(error.message);
    SpreadsheetApp.getUi().alert(TITLE, error.message, SpreadsheetApp.getUi().ButtonSet.OK);
  }
}

function action_(name) {
  var found = (MENU[setup_().PORTFOLIO_ROLE] || []).filter(function (one) { return one.action === name; })[0];
  if (!found) throw new Error(name + ' is no action of this spreadsheet. Open Portfolio > Set up and check its role.');
  return found;
}

/** The body of the request; null when the person changed her mind. */
function body_(action, selectedRows) {
  var sheet = SpreadsheetApp.getActiveSheet();
  var asked = { action: action.action };
  if (action.tab) asked.tab = sheet.getName();
  if (selectedRows) asked.keys = selectedKeys_(sheet);
  if (action.takes.length) {
    var args = askArguments_(action);
    if (!args) return null;
    asked.args = args;
  }
  var who = Session.getActiveUser().getEmail();
  if (who) asked.requested_by = who;
  return asked;
}

function askArguments_(action) {
  var ui = SpreadsheetApp.getUi();
  var text = action.help + '\n\nIt takes ' + action.takes.join(', ') + '. Write name: value; name: value, or leave it empty.';
  var answer = ui.prompt(action.label, text, ui.ButtonSet.OK_CANCEL);
  return answer.getSelectedButton() === ui.Button.OK ? parseArguments_(answer.getResponseText()) : null;
}

/** `scenario: Q2 base; confirm: yes` as an object; the values stay text. */
function parseArguments_(text) {
  var args = {};
  text.split(/[;\n]/).forEach(function (part) {
    if (!part.trim()) return;
    var at = part.search(/[:=]/);
    if (at < 1) throw new Error('"' + part.trim() + '" isn\'t of the form name: value. Write for example scenario: Q2 base');
    args[part.slice(0, at).trim()] = part.slice(at + 1).trim();
  });
  return args;
}

// ---- the selected rows -------------------------------------------------------------------------------------------

/** The keys of the rows that are selected, each once, in the order of the rows. */
function selectedKeys_(sheet) {
  var shown = sheet.getDataRange().getValues();
  var place = keyColumn_(shown, keyHeaders_(sheet.getName()));
  if (!place) throw new Error('This tab has no column of keys, so that rows can\'t be told apart. Use the action for the whole tab.');
  var chosen = {};
  sheet.getActiveRangeList().getRanges().forEach(function (range) {
    for (var row = range.getRow(); row <= range.getLastRow() && row <= shown.length; row++) chosen[row - 1] = true;
  });
  var keys = [];
  shown.forEach(function (cells, row) {
    var key = String(cells[place.column]).trim();
    if (chosen[row] && row > place.row && key && keys.indexOf(key) < 0) keys.push(key);
  });
  if (!keys.length) throw new Error('No selected row has a key. Select cells in the rows that you mean, below the header.');
  return keys;
}

/** Headers that mean the key of a row in that tab; in an intake workbook a tab may have any name. */
function keyHeaders_(title) {
  var tabs = KEY_HEADERS[setup_().PORTFOLIO_ROLE] || {};
  for (var name in tabs) {
    if (name === '*' || name.toLowerCase() === title.trim().toLowerCase()) return tabs[name];
  }
  return [];
}

/** {row, column} of the key's header, counted from 0; null when there is none. */
function keyColumn_(shown, headers) {
  for (var row = 0; row < shown.length && row < TOP_ROWS; row++) {
    for (var column = 0; column < shown[row].length; column++) {
      if (headers.indexOf(normalise_(shown[row][column])) >= 0) return { row: row, column: column };
    }
  }
  return null;
}

/** What headers are compared by: `Initiative Key (id)` and `initiative_key` are one. */
function normalise_(header) {
  var text = String(header).normalize('NFKC');
  var words = function (some) { return some.replace(/[^\p{L}\p{N}]+/gu, '').toLowerCase(); };
  return words(text.replace(/\([^()]*\)\s*$/, '')) || words(text);
}

// ---- requests ----------------------------------------------------------------------------------------------------

/** Sends a signed request; returns the answer's object. Throws an Error whose message says what to do. */
function request_(method, path, asked) {
  var known = setup_();
  var missing = PROPERTIES.filter(function (name) { return !known[name]; });
  if (missing.length) throw new Error('This spreadsheet isn\'t set up yet: open Portfolio > Set up.');
  var body = asked ? JSON.stringify(asked) : '';
  var address = address_(known.PORTFOLIO_URL, path);
  var options = {
    method: method.toLowerCase(),
    headers: headers_(method, address.path, body, known, now_(), nonce_()),
    muteHttpExceptions: true,
    followRedirects: false,
  };
  if (asked) {
    options.contentType = 'application/json';
    options.payload = body;
  }
  return answer_(fetch_(address.url, options));
}

function fetch_(url, options) {
  try {
    return UrlFetchApp.fetch(url, options);
  } catch (error) {
    throw new Error('Portfolio Desk can\'t be reached. Try again in a minute, and check the address under Portfolio > Set up.');
  }
}

function answer_(response) {
  var found = null;
  try {
    found = JSON.parse(response.getContentText());
  } catch (error) {
    found = null;
  }
  var code = response.getResponseCode();
  if (found && code >= 200 && code < 300) return found;
  if (found && found.error) throw new Error(found.error);
  throw new Error('Portfolio Desk didn\'t answer as expected (' + code + '). Check the address under Portfolio > Set up.');
}

/** The full address, and its path as it is signed. */
function address_(origin, path) {
  var parts = /^(https?:\/\/[^\/?#]+)(\/[^?#]*)?$/.exec(origin.trim().replace(/\/+$/, ''));
  if (!parts) throw new Error('The address ' + origin + ' isn\'t one; it must read as https://portfolio.example.com');
  var whole = (parts[2] || '') + path;
  return { url: parts[1] + whole, path: whole };
}

function headers_(method, path, body, known, timestamp, nonce) {
  return {
    'X-Workbook': known.PORTFOLIO_WORKBOOK,
    'X-Timestamp': timestamp,
    'X-Nonce': nonce,
    'X-Signature': signature_([method, path, timestamp, nonce, sha256_(body)].join('\n'), known.PORTFOLIO_SECRET),
  };
}

function signature_(text, secret) {
  return hex_(Utilities.computeHmacSha256Signature(text, secret, Utilities.Charset.UTF_8));
}

function sha256_(text) {
  if (!text) return EMPTY_SHA256;
  return hex_(Utilities.computeDigest(Utilities.DigestAlgorithm.SHA_256, text, Utilities.Charset.UTF_8));
}

/** Bytes come signed, from -128 to 127. */
function hex_(bytes) {
  return bytes.map(function (byte) { return ('0' + (byte & 255).toString(16)).slice(-2); }).join('');
}

function now_() {
  return String(Math.floor(Date.now() / 1000));
}

function nonce_() {
  return Utilities.getUuid().replace(/-/g, '');
}

// ---- following a run ---------------------------------------------------------------------------------------------

/** How a run stands, for the sidebar. */
function follow(runId) {
  var run = request_('GET', '/api/actions/' + encodeURIComponent(runId) + '/');
  run.ended = ENDED.indexOf(run.status) >= 0;
  if (run.ended) toast_(run.action + ' ended: ' + run.status);
  return run;
}

function followLastRun() {
  var runId = PropertiesService.getUserProperties().getProperty('PORTFOLIO_LAST_RUN');
  if (runId) showSidebar_(runId, 'Last run');
  else toast_('You have asked for nothing here yet.');
}

function toast_(text) {
  SpreadsheetApp.getActive().toast(text, TITLE, 8);
}

function showSidebar_(runId, title) {
  SpreadsheetApp.getUi().showSidebar(HtmlService.createHtmlOutput(page_(SIDEBAR, { runId: runId })).setTitle(title));
}

/** A page with values for its script; they can't end the script they stand in. */
function page_(html, values) {
  return html.replace('"VALUES"', function () { return JSON.stringify(values).replace(/</g, '\\u003c'); });
}

var STYLE =
  '<style>body{font:14px/1.45 Roboto,Arial,sans-serif;color:#1f2933;margin:16px}h1{font-size:18px;margin:0 0 8px;font-weight:500}' +
  'p{margin:0 0 10px}.quiet{color:#616e7c;font-size:12px;overflow-wrap:anywhere}ul{padding:0;list-style:none;margin:12px 0}' +
  'li{border-left:4px solid #9aa5b1;padding:2px 8px;margin:0 0 8px;overflow-wrap:anywhere}.FAILED{border-color:#c0392b}' +
  '.WARNING,.SKIPPED{border-color:#d98e04}.OK{border-color:#2e8b57}label{display:block;margin:0 0 10px}' +
  'input,select{display:block;width:100%;box-sizing:border-box;font:inherit;padding:6px;margin-top:2px}' +
  'button{font:inherit;padding:8px 18px;border:0;border-radius:4px;background:#243b53;color:#fff;cursor:pointer}</style>';

var SIDEBAR =
  STYLE +
  '<h1 id="status" role="status" aria-live="polite">Asking…</h1><p id="progress"></p><p id="counts"></p><ul id="messages"></ul>' +
  '<p id="run" class="quiet"></p><script>' +
  'var values = "VALUES", tries = 0, errors = 0;' +
  'function put(id, text) { document.getElementById(id).textContent = text; }' +
  'function show(run) {' +
  '  errors = 0; put("status", run.status); put("progress", run.progress || "");' +
  '  put("counts", Object.keys(run.counts).filter(function (name) { return run.counts[name]; })' +
  '    .map(function (name) { return run.counts[name] + " " + name.replace(/_/g, " "); }).join(", "));' +
  '  var list = document.getElementById("messages"); list.textContent = "";' +
  '  run.messages.forEach(function (message) { var item = document.createElement("li"); item.className = message.status;' +
  '    item.textContent = [message.tab, message.row ? "row " + message.row : "", message.key].filter(Boolean).join(" ") + " " + message.text;' +
  '    list.appendChild(item); });' +
  '  if (run.messages_left_out) { var more = document.createElement("li"); more.textContent = "and " + run.messages_left_out + " more";' +
  '    list.appendChild(more); }' +
  '  if (!run.ended) setTimeout(look, ++tries < 30 ? 2000 : 10000);' +
  '}' +
  'function fail(error) { put("progress", error.message); if (++errors < 5) setTimeout(look, 5000 * errors); }' +
  'function look() { google.script.run.withSuccessHandler(show).withFailureHandler(fail).follow(values.runId); }' +
  'put("run", "Run " + values.runId); look();</script>';

// ---- setting it up -----------------------------------------------------------------------------------------------

function setup_() {
  return PropertiesService.getScriptProperties().getProperties();
}

function showSetup() {
  var known = setup_();
  var values = {
    url: known.PORTFOLIO_URL || '',
    workbook: known.PORTFOLIO_WORKBOOK || '',
    role: known.PORTFOLIO_ROLE || '',
    roles: Object.keys(MENU),
    hasSecret: Boolean(known.PORTFOLIO_SECRET),
  };
  var page = HtmlService.createHtmlOutput(page_(SETUP, values)).setWidth(420).setHeight(430);
  SpreadsheetApp.getUi().showModalDialog(page, 'Set up ' + TITLE);
}

/** Keeps what the dialog holds, and tries it out; returns what to tell the person. An empty secret keeps the one that is there. */
function saveSetup(form) {
  var url = String(form.url || '').trim().replace(/\/+$/, '');
  address_(url, '/');
  if (!/^https:/.test(url) && !/^http:\/\/(localhost|127\.0\.0\.1)(:|\/|$)/.test(url)) {
    throw new Error('The address must begin with https://, so that nobody can read along.');
  }
  if (!MENU[form.role]) throw new Error('Choose what this spreadsheet is for: ' + Object.keys(MENU).join(', ') + '.');
  var kept = {
    PORTFOLIO_URL: url,
    PORTFOLIO_WORKBOOK: String(form.workbook || '').trim(),
    PORTFOLIO_ROLE: form.role,
  };
  if (String(form.secret || '').trim()) kept.PORTFOLIO_SECRET = String(form.secret).trim();
  PropertiesService.getScriptProperties().setProperties(kept);
  tryOut_();
  onOpen();
  return 'It works. The menu has the actions of this spreadsheet now.';
}

/** A signed question about a run that isn't there: that answer alone shows that everything is right. */
function tryOut_() {
  try {
    request_('GET', '/api/actions/none/');
  } catch (error) {
    if (error.message !== 'this workbook has no such run') throw error;
  }
}

var SETUP =
  STYLE +
  '<form id="form"><label>Address of Portfolio Desk<input name="url" type="url" placeholder="https://portfolio.example.com" required></label>' +
  '<label>Id of this workbook there<input name="workbook" required></label>' +
  '<label>What it is for<select name="role" required></select></label>' +
  '<label>Secret, from manage.py workbook_secret<input name="secret" type="password" autocomplete="off"></label>' +
  '<button>Save and try it out</button><p id="said" role="status" aria-live="polite" style="margin-top:12px"></p></form><script>' +
  'var values = "VALUES", form = document.getElementById("form"), said = document.getElementById("said");' +
  'form.url.value = values.url; form.workbook.value = values.workbook;' +
  'values.roles.forEach(function (role) { form.role.add(new Option(role, role, false, role === values.role)); });' +
  'if (values.hasSecret) form.secret.placeholder = "kept; type another one to replace it"; else form.secret.required = true;' +
  'form.onsubmit = function (event) { event.preventDefault(); said.textContent = "Trying…";' +
  '  google.script.run.withSuccessHandler(function (text) { said.textContent = text; form.secret.value = ""; })' +
  '    .withFailureHandler(function (error) { said.textContent = error.message; })' +
  '    .saveSetup({ url: form.url.value, workbook: form.workbook.value, role: form.role.value, secret: form.secret.value }); };</script>';
