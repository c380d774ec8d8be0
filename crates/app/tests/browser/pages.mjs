// Every page of the staff area that links lead to, in a real browser: at three widths, light and dark, with axe looking for
// what would keep somebody out; then all of it once more without scripts, and a walk by keyboard alone.
// Usage: pages.mjs BASE USERNAME PASSWORD. Ends with 1 and the reasons when something is wrong.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [base, username, password] = process.argv.slice(2);
const require = createRequire(join(process.cwd(), 'package.json'));
const { chromium } = require('playwright-core');
const axe = require('fs').readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const WIDTHS = [[1440, 900], [768, 1024], [390, 844]];
const RULES = { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa'] };
// Only colours differ in the dark.
const DARK = { type: 'rule', values: ['color-contrast'] };
const wrong = [];

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-quic', '--no-first-run'],
});

const check = (truth, words) => { if (!truth) wrong.push(words); };

// A page is known by its address without ids; lists in another order or on another page are the same page.
const SAME = ['sort', 'page', 'after', 'before', 'format', 'q'];
function kind(url) {
  if (url.origin !== base || !url.pathname.startsWith('/admin') || SAME.some((name) => url.searchParams.has(name))) return null;
  if (/\/(pdf|search\.json|progress\.json)$/.test(url.pathname)) return null;
  return [url.pathname.replace(/\/\d+(?=\/|$)/g, '/{id}'), ...[...url.searchParams.keys()].sort()].join(' ');
}

async function log_in(context) {
  const page = await context.newPage();
  await page.goto(`${base}/admin`);
  await page.fill('[name=email]', username);
  await page.fill('[name=password]', password);
  await page.click('button.button-primary');
  await page.waitForURL(/\/admin$/);
  return page;
}

function listen(page) {
  page.on('pageerror', (error) => wrong.push(`${page.url()}: script: ${error.message}`));
  page.on('console', (message) => message.type() === 'error' && wrong.push(`${page.url()}: console: ${message.text()}`));
}

// What axe finds, and what is wider than the window.
async function look(page, name, rules) {
  const found = await page.evaluate(async (only) => {
    // It covers what happens to lie under it where the page stands, and moves away when the page is moved.
    document.querySelectorAll('.save-bar').forEach((bar) => { bar.style.position = 'static'; });
    const { violations } = await window.axe.run(document, { runOnly: only, resultTypes: ['violations'] });
    const root = document.scrollingElement;
    return {
      axe: violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).slice(0, 3).join(', ')}`),
      wider: root.scrollWidth - innerWidth,
    };
  }, rules);
  check(found.wider <= 1, `${name}: ${found.wider} px wider than the window`);
  found.axe.forEach((violation) => wrong.push(`${name}: ${violation}`));
}

async function links(page) {
  return page.$$eval('a[href]', (all) => all.map((a) => a.href));
}

// Follows links from the dashboard, each kind of page once.
async function every_page(context, page, visit) {
  const seen = new Map([['/admin', `${base}/admin`]]);
  for (const [name, address] of seen) {
    const response = await page.goto(address);
    check(response.status() === 200, `${address}: ${response.status()}`);
    await visit(name, page);
    for (const link of await links(page)) {
      const url = new URL(link);
      url.hash = '';
      const found = kind(url);
      if (found && !seen.has(found)) seen.set(found, url.href);
    }
  }
  return seen;
}

async function with_scripts() {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: 'light' });
  const page = await log_in(context);
  listen(page);
  const seen = await every_page(context, page, async (name) => {
    await page.evaluate(axe);
    for (const scheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme: scheme });
      for (const [width, height] of WIDTHS) {
        await page.setViewportSize({ width, height });
        await look(page, `${name} (${width} ${scheme})`, scheme === 'light' ? RULES : DARK);
      }
    }
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize({ width: 1440, height: 900 });
  });
  await by_keyboard(page);
  await context.close();
  return seen;
}

// The skip link, the command bar, menus and the drawer, without a mouse.
async function by_keyboard(page) {
  const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim() ?? '');
  await page.goto(`${base}/admin`);
  await page.keyboard.press('Tab');
  check((await focused()) === 'Skip to the content', 'the first Tab leads to the skip link');
  await page.keyboard.press('Enter');
  check(await page.evaluate(() => document.activeElement.id === 'content'), 'the skip link leads to the content');
  await page.keyboard.press('Control+k');
  await page.waitForSelector('dialog.command[open]');
  await page.keyboard.type('invoices');
  await page.waitForSelector('[role=option][aria-selected=true]');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/admin\/invoices/);
  await page.keyboard.press('/');
  await page.waitForSelector('dialog.command[open]');
  await page.keyboard.press('Escape');
  check(!(await page.$('dialog.command[open]')), 'Escape closes the command bar');
  await page.focus('details.menu > summary');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  check(await page.evaluate(() => Boolean(document.activeElement.closest('.menu-items'))), 'Tab leads into an open menu');
  await page.keyboard.press('Escape');
  check(!(await page.$('details.menu[open]')), 'Escape closes a menu');
  await page.setViewportSize({ width: 390, height: 844 });
  await page.focus('#drawer');
  await page.keyboard.press('Space');
  await page.waitForFunction(() => getComputedStyle(document.querySelector('.sidebar')).visibility === 'visible');
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => getComputedStyle(document.querySelector('.sidebar')).visibility === 'hidden');
}

async function without_scripts() {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, javaScriptEnabled: false });
  const page = await log_in(context);
  const seen = await every_page(context, page, async (name) => {
    check(!(await page.locator('.js-only:visible').count()), `${name}: shows what needs a script`);
    check(await page.locator('h1').count() === 1, `${name}: has one heading`);
  });
  // The drawer, a menu, the filters of a list, and boxes to tick.
  await page.goto(`${base}/admin/clients`);
  await page.locator('.drawer-open').click();
  check(await page.locator('.sidebar').isVisible(), 'the drawer opens without a script');
  await page.goto(`${base}/admin/clients`);
  await page.locator('.filters-toggle').click();
  await page.selectOption('[name=status]', 'all');
  await page.locator('.filter-do button').click();
  await page.waitForURL(/status=all/);
  await page.locator('.tick-target').nth(1).click();
  check(await page.locator('.bulk-bar').isVisible(), 'ticked rows have a bar without a script');
  await page.locator('.bulk-actions button').first().click();
  await page.waitForURL(/\/clients\/bulk/);
  check(await page.locator('.confirm').isVisible(), 'what closing does is said before it is done');
  // What is wrong with a form stands beside its fields, and nothing typed is lost.
  await page.goto(`${base}/admin/clients/new`);
  await page.fill('[name=company]', 'Nobody & Sons');
  await page.fill('[name=email]', 'no address');
  await page.click('.save-bar button');
  check(await page.locator('.error-summary a[href="#f-email"]').count() === 1, 'errors are links to their fields');
  check(await page.locator('#e-email').count() === 1, 'an error stands beside its field');
  check(await page.inputValue('[name=company]') === 'Nobody & Sons', 'what was typed is still there');
  await context.close();
  return seen;
}

try {
  const [some, others] = [await with_scripts(), await without_scripts()];
  for (const name of some.keys()) check(others.has(name), `${name}: is not reached without scripts`);
  console.log(wrong.length === 0 ? `well: ${some.size} pages` : `wrong:\n${[...new Set(wrong)].join('\n')}`);
} catch (error) {
  console.log(`wrong: ${error.stack}\n${wrong.join('\n')}`);
} finally {
  await browser.close();
}
process.exitCode = wrong.length ? 1 : 0;
