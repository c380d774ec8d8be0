// A morning of staff in a real browser: log in, generate what is due, charge the cards, open an invoice, take its PDF.
// Usage: flow.mjs BASE USERNAME PASSWORD WIDTH HEIGHT light|dark FOLDER. Ends with 1 and the reason when something is wrong.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [base, username, password, width, height, scheme, folder] = process.argv.slice(2);
const require = createRequire(join(process.cwd(), 'package.json'));
const { chromium } = require('playwright-core');
const { AxeBuilder } = require('@axe-core/playwright');

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-quic', '--no-first-run'],
});
const context = await browser.newContext({
  viewport: { width: Number(width), height: Number(height) },
  colorScheme: scheme,
  acceptDownloads: true,
});
const page = await context.newPage();
const wrong = [];
page.on('pageerror', (error) => wrong.push(`script: ${error.message}`));
page.on('console', (message) => message.type() === 'error' && wrong.push(`console: ${message.text()}`));

const check = (truth, words) => {
  if (!truth) throw new Error(words);
};

// On a busy machine Chromium's painter sometimes gives up once; what is looked for is in the page, not in the picture.
async function shoot(path) {
  for (let left = 3; ; left -= 1) {
    try {
      await page.screenshot({ path });
      return;
    } catch (error) {
      if (left === 0 || !/Unable to capture screenshot/.test(error.message)) throw error;
    }
  }
}

// Looks at the page as a reader, and as someone who cannot see it.
async function look(name) {
  await shoot(join(folder, `${name}-${width}-${scheme}.png`));
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  check(overflow <= 1, `${name}: the page is ${overflow} px wider than the window`);
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']).analyze();
  const found = violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).slice(0, 3).join(', ')}`);
  check(found.length === 0, `${name}: ${found.join('; ')}`);
}

try {
  await page.goto(`${base}/admin`);
  await look('login');
  await page.fill('[name=email]', username);
  await page.fill('[name=password]', password);
  await page.click('button.button-primary');
  await page.waitForURL(/\/admin$/);
  await look('dashboard');

  // An order that is invoiced with the due invoices, so that something is due.
  await page.goto(`${base}/admin/orders/new?client=3`);
  await page.locator('select[name="items[0].product_id"]').selectOption({ index: 1 });
  await page.getByRole('button', { name: 'Update' }).click();
  const domain = page.locator('input[name="items[0].domain"]');
  await domain.fill(`ordered-${width}.example`);
  await page.getByLabel('Invoice the order at once').uncheck();
  await page.getByRole('button', { name: 'Update' }).click();
  await look('order form');
  await page.getByRole('button', { name: 'Place the order' }).click();
  await page.waitForURL(/\/admin\/orders\/\d+$/);
  await look('order');
  await page.getByRole('link', { name: /^Accept/ }).first().click();
  await look('accepting');
  await page.locator('main form button.button-primary').last().click();
  await page.waitForURL(/\/admin\/orders\/\d+$/);
  await page.getByText('Accepted').first().waitFor();

  await page.goto(`${base}/admin/invoices/generate`);
  await look('generate');
  await page.getByRole('button', { name: /^Generate/ }).last().click();
  await page.waitForURL(/\/runs\/\d+/);
  await page.getByText(/^(Finished|Completed)$/).first().waitFor({ timeout: 30000 });
  await look('generated');

  await page.goto(`${base}/admin/payments/capture`);
  await look('capture');
  // Where nothing is due there is nothing to press.
  const charge = page.locator('form button.button-primary').last();
  if (await charge.count()) {
    await charge.click();
    await page.waitForURL(/\/runs\/\d+/);
    await page.getByText(/^(Finished|Completed)$/).first().waitFor({ timeout: 30000 });
    await look('captured');
  }

  await page.goto(`${base}/admin/invoices`);
  await look('invoices');
  await page.locator('table a[href^="/admin/invoices/"]').first().click();
  await page.waitForURL(/\/admin\/invoices\/\d+$/);
  await look('invoice');
  const pdf = await context.request.get(`${page.url()}/pdf`);
  check(pdf.status() === 200 && (await pdf.body()).subarray(0, 5).toString() === '%PDF-', `the PDF: ${pdf.status()}`);
  check(wrong.length === 0, wrong.join('; '));
  console.log('well');
} catch (error) {
  console.log(`wrong at ${page.url()}: ${error.message}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}
