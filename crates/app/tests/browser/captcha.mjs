// The proof of work in a real browser: a form that is sent at once waits until it is done, and is let pass then.
// Usage: captcha.mjs BASE FOLDER. Ends with 1 and the reason when something is wrong.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [base, folder] = process.argv.slice(2);
const require = createRequire(join(process.cwd(), 'package.json'));
const { chromium } = require('playwright-core');
const { AxeBuilder } = require('@axe-core/playwright');

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-quic', '--no-first-run'],
});
const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
const page = await context.newPage();
const wrong = [];
page.on('pageerror', (error) => wrong.push(`script: ${error.message}`));
page.on('console', (message) => { if (/Content Security Policy/.test(message.text())) wrong.push(message.text()); });

const check = (truth, words) => {
  if (!truth) throw new Error(words);
};
const password = 'gravel lantern 81 pony';
const details = {
  first_name: 'Ann', last_name: 'Lee', email: 'ann@example.com', address1: '1 High Road', postcode: '1010', city: 'Wien', password,
  again: password,
};

try {
  await page.goto(`${base}/register`);
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']).analyze();
  check(violations.length === 0, violations.map((v) => v.id).join(' '));
  for (const [name, value] of Object.entries(details)) await page.fill(`[name=${name}]`, value);
  await page.selectOption('[name=country]', 'AT');
  await page.click('text=Open the account');
  await page.waitForURL(`${base}/account`, { timeout: 60000 });
  check((await page.textContent('body')).includes('Welcome, Ann Lee'), 'the account was not opened');

  await context.clearCookies();
  await page.goto(`${base}/login`, { waitUntil: 'commit' });
  await page.fill('[name=email]', details.email);
  await page.fill('[name=password]', 'wrong');
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
  await page.waitForSelector('.error-summary');
  // The page that tells of a mistake brings a new one.
  await page.fill('[name=password]', password);
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
  await page.waitForURL(`${base}/account`, { timeout: 60000 });

  const plain = await browser.newContext({ javaScriptEnabled: false });
  const bare = await plain.newPage();
  await bare.goto(`${base}/forgot-password`);
  check((await bare.textContent('main, body')).includes('asks for JavaScript'), 'who has no scripts is not told');
  await bare.fill('[name=email]', details.email);
  await bare.click('text=Mail me a link');
  check((await bare.textContent('body')).includes('no robot'), 'a form without the work was let pass');
  check(wrong.length === 0, wrong.join('; '));
} catch (error) {
  await page.screenshot({ path: join(folder, 'captcha.png'), fullPage: true }).catch(() => {});
  console.error(error.message, wrong.join('; '), page.url());
  process.exitCode = 1;
} finally {
  await browser.close();
}
