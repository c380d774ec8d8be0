// Second factors in a real browser, with the browser's own virtual authenticator: a passkey is set up, shown after the
// password, and used as the whole login; an authenticator app is set up with the key that the page shows.
// Usage: passkeys.mjs BASE USERNAME PASSWORD FOLDER. Ends with 1 and the reason when something is wrong.
import { createHmac } from 'node:crypto';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [base, username, password, folder] = process.argv.slice(2);
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

const check = (truth, words) => {
  if (!truth) throw new Error(words);
};

async function look(name) {
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true }).catch(() => {});
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  check(overflow <= 1, `${name}: the page is ${overflow} px wider than the window`);
  const { violations } = await new AxeBuilder({ page }).withTags(['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']).analyze();
  const found = violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).slice(0, 3).join(', ')}`);
  check(found.length === 0, `${name}: ${found.join('; ')}`);
}

async function typePassword() {
  await page.goto(`${base}/admin/login`);
  await page.fill('[name=email]', username);
  await page.fill('[name=password]', password);
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
}

async function logOut() {
  await context.clearCookies();
}

// RFC 6238 with what the page shows, as an app does it.
function codeOf(key) {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...key.replace(/\s/g, '')].map((c) => letters.indexOf(c).toString(2).padStart(5, '0')).join('');
  const secret = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000)));
  const digest = createHmac('sha1', secret).update(step).digest();
  const at = digest[19] & 15;
  return String((digest.readUInt32BE(at) & 0x7fffffff) % 1e6).padStart(6, '0');
}

try {
  const devices = await context.newCDPSession(page);
  await devices.send('WebAuthn.enable');
  const { authenticatorId } = await devices.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true,
      isUserVerified: true, automaticPresenceSimulation: true,
    },
  });

  await typePassword();
  await page.waitForURL(/\/admin$/);
  await page.goto(`${base}/admin/account/security`);
  await look('second factor, none yet');
  await page.getByLabel('A name for a new one').fill('Test device');
  await page.getByRole('button', { name: 'Add a passkey' }).click();
  await page.getByRole('link', { name: 'I have kept them' }).waitFor();
  await look('recovery codes');
  const codes = await page.locator('.codes li').allTextContents();
  check(codes.length === 10, `${codes.length} recovery codes`);
  await page.getByRole('link', { name: 'I have kept them' }).click();
  check((await page.locator('table').textContent()).includes('Test device'), 'the passkey is not in the list');
  await look('second factor, a passkey');

  await logOut();
  await typePassword();
  await page.waitForURL(/\/admin\/login\/second$/);
  await look('second step');
  await page.getByRole('button', { name: 'Use a passkey' }).click();
  await page.waitForURL(/\/admin$/);

  await logOut();
  await page.goto(`${base}/admin/login`);
  await page.getByRole('button', { name: 'Log in with a passkey' }).click();
  await page.waitForURL(/\/admin$/);

  // A device that does not recognise its owner opens nothing.
  await logOut();
  await devices.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
  await page.goto(`${base}/admin/login`);
  await page.getByRole('button', { name: 'Log in with a passkey' }).click();
  await page.getByText('Nothing was chosen').waitFor();
  check(new URL(page.url()).pathname === '/admin/login', 'a stranger with the device got in');
  await devices.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true });

  await typePassword();
  await page.waitForURL(/\/second$/);
  await page.fill('[name=code]', codes[0]);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.waitForURL(/\/admin$/);
  await page.goto(`${base}/admin/account/security`);
  const key = (await page.locator('p.mono').first().textContent()).trim();
  await page.getByLabel('The six digits that the app shows now').fill(codeOf(key));
  await page.getByRole('button', { name: 'Set up the app' }).click();
  await page.getByText('The authenticator app is set up').waitFor();
  await look('second factor, both');
  check((await page.textContent('main')).includes('9 of them are left'), 'the used recovery code is not counted');

  check(wrong.length === 0, wrong.join('\n'));
  await browser.close();
} catch (error) {
  await page.screenshot({ path: join(folder, 'wrong.png') }).catch(() => {});
  console.error(`${page.url()}: ${error.message}\n${wrong.join('\n')}`);
  await browser.close();
  process.exit(1);
}
