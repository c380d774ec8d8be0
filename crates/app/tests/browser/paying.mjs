// Clients pay their invoices in a real browser: at the test bank, on the provider's page, by bank transfer.
// Usage: paying.mjs WIDTH HEIGHT light|dark scripts|no-scripts FOLDER LINKS… Ends with 1 and the reason when something is wrong.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [width, height, scheme, scripts, folder, bank, page_of_test, stripe, transfer, add_card] = process.argv.slice(2);
const require = createRequire(join(process.cwd(), 'package.json'));
const { chromium } = require('playwright-core');
const { AxeBuilder } = require('@axe-core/playwright');

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-quic', '--no-first-run'],
});
const with_scripts = scripts === 'scripts';
const context = await browser.newContext({
  viewport: { width: Number(width), height: Number(height) },
  colorScheme: scheme,
  javaScriptEnabled: with_scripts,
});
const page = await context.newPage();
const wrong = [];
page.on('pageerror', (error) => wrong.push(`script: ${error.message}`));
// A refused form has a status of its own, and the provider no icon; anything else, such as what the policy blocks, is wrong.
const expected = (text) => /Failed to load resource.*(404|422)/.test(text);
page.on('console', (message) => {
  if (message.type() === 'error' && !expected(message.text())) wrong.push(`console: ${message.text()}`);
});

const check = (truth, words) => {
  if (!truth) throw new Error(words);
};

async function look(name) {
  await page.screenshot({ path: join(folder, `${name}-${width}-${scheme}.png`) });
  if (!with_scripts) return;
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  check(overflow <= 1, `${name}: the page is ${overflow} px wider than the window`);
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']).analyze();
  const found = violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).slice(0, 3).join(', ')}`);
  check(found.length === 0, `${name}: ${found.join('; ')}`);
}

const press = (name) => page.getByRole('button', { name, exact: true }).click();
const shows = (text) => page.getByText(text).first().waitFor({ timeout: 15000 });

try {
  // The bank asks; the client fails, starts again, and goes back once in between.
  await page.goto(bank);
  await shows('Visa •••• 3155');
  await look('pay');
  await press('Confirm payment');
  await page.waitForURL(/\/sandbox\/authenticate\//);
  await look('bank');
  await press('Fail');
  await shows('The last payment did not work');
  await look('failed');
  await press('Confirm payment');
  await page.waitForURL(/\/sandbox\/authenticate\//);
  await page.goto(bank);
  await shows('is not confirmed yet');
  await look('waiting');
  await page.getByRole('link', { name: 'Continue at your bank' }).click();
  await page.waitForURL(/\/sandbox\/authenticate\//);
  await press('Authenticate');
  await shows('Thank you. This invoice is paid.');
  await look('paid');
  await page.goBack();
  await page.reload();
  await shows('This payment was decided already.');

  // Another card on the test payment page.
  await page.goto(page_of_test);
  await page.getByLabel('Keep this card for later invoices').check();
  await press('Pay with another card');
  await page.waitForURL(/\/sandbox\/page\//);
  await look('page');
  await page.getByLabel('Visa •••• 0002, declined').check();
  await press('Pay');
  await shows('The bank declines this card.');
  await page.getByLabel('Visa •••• 4242, works').check();
  await press('Pay');
  await shows('Thank you. This invoice is paid.');

  // Stripe is another host: a form must not lead there directly, and does not have to.
  await page.goto(stripe);
  await press('Pay by card');
  await page.waitForURL((url) => url.pathname.startsWith('/pay/cs_'));
  check(new URL(page.url()).host !== new URL(stripe).host, 'the provider is another host');
  await press('visa');
  await shows('Thank you. This invoice is paid.');
  await page.goto(add_card);
  await look('add-card');
  await press('Enter the card');
  await page.waitForURL((url) => url.pathname.startsWith('/pay/cs_'));
  await press('visa');
  await shows('The card is stored');
  await look('stored');

  await page.goto(transfer);
  await shows('Please name the invoice number');
  await look('transfer');
  check(wrong.length === 0, wrong.join('; '));
  console.log('well');
} catch (error) {
  console.log(`wrong at ${page.url()}: ${error.message} ${wrong.join('; ')}`);
  await page.screenshot({ path: join(folder, 'wrong.png') });
  process.exitCode = 1;
} finally {
  await browser.close();
}
