// Drives the compatible API with the npm package whmcs and prints, as one JSON object, what it made of the answers.
// It sends actions in lower case, an identifier and a secret as username and password, and an access key.
// Usage, in the folder that has node_modules: node drive_whmcs.cjs URL IDENTIFIER SECRET
const { createRequire } = require('node:module');
const { join } = require('node:path');
const { promisify } = require('node:util');

const [serverUrl, username, password] = process.argv.slice(2);
const WHMCS = createRequire(join(process.cwd(), 'package.json'))('whmcs');
const whmcs = new WHMCS({ serverUrl, username, password, apiKey: 'a-key', userAgent: 'drive' });
const told = {};

const on = (object, name) => promisify(object[name].bind(object));
const { customers, billing, products } = whmcs;
// What the package has no function for goes through its own way of asking.
const call = (action, body) => on(whmcs.utils, 'modem')({ client: billing, body: { action, ...body } });

async function refused(name, promise) {
  told[name] = await promise.then(
    () => 'was not refused',
    (error) => error.message,
  );
}

async function drive() {
  const added = await on(customers, 'createCustomer')({
    firstname: 'Grace', lastname: 'Hopper', email: 'grace@example.com', address1: '1 Mill Lane', city: 'Arlington',
    state: 'Virginia', postcode: '22201', country: 'US', phonenumber: '+1 703 555 0100', password2: 'a long password',
    noemail: true, customfields: Buffer.from('a:0:{}').toString('base64'),
  });
  told.added = added;
  const client = added.clientid;
  told.details = await on(customers, 'getCustomer')(client, { stats: true });
  told.byEmail = await on(customers, 'getCustomerByEmail')('grace@example.com', {});
  told.updated = await on(customers, 'updateCustomer')(client, { companyname: 'COBOL & Co', notes: '' });
  const product = await call('AddProduct', {
    name: 'Plus', gid: 1, type: 'other', paytype: 'recurring', 'pricing[1][monthly]': 12.5, 'pricing[1][annually]': '125.00',
  });
  told.product = product;
  told.products = await on(products, 'getProduct')(product.pid);
  // Lists are sent as the same name again and again.
  told.order = await on(billing, 'addOrder')(client, {
    pid: [product.pid, product.pid], billingcycle: ['monthly', 'annually'], domain: ['a.example', 'b.example'],
    paymentmethod: 'banktransfer', noemail: true, noinvoiceemail: true,
  });
  told.accepted = await on(billing, 'acceptOrder')(told.order.orderid, { autosetup: false, sendemail: false });
  told.orders = await on(products, 'getOrders')('userid', client, 0, 10);
  told.services = await on(customers, 'getCustomerProducts')(client, {});
  told.invoices = await on(customers, 'getCustomerInvoices')(client, {});
  const invoice = told.invoices.invoices.invoice[0].id;
  told.paid = await call('addinvoicepayment', { invoiceid: invoice, transid: 'npm-1', gateway: 'banktransfer', amount: 37.5, date: '2026-03-01' });
  told.invoice = await on(billing, 'getInvoice')(invoice);
  told.transactions = await on(customers, 'getTransactions')({ invoiceid: invoice });
  told.made = await on(billing, 'createInvoice')(client, {
    status: 'Unpaid', itemdescription1: 'Migration, by hand', itemamount1: 40, itemtaxed1: 0, date: '20260301',
    duedate: '20260315', paymentmethod: 'banktransfer',
  });
  told.credited = await on(billing, 'addCredit')(client, '50.00', 'Goodwill');
  told.credits = await on(customers, 'getCredits')(client);
  told.applied = await on(billing, 'applyCredit')(told.made.invoiceid, '40.00');
  told.madeAfter = await on(billing, 'getInvoice')(told.made.invoiceid);

  const wrong = new WHMCS({ serverUrl, username, password: '0'.repeat(64) });
  const md5 = new WHMCS({ serverUrl, username: 'ana', password: '0'.repeat(32) });
  await refused('wrong secret', on(wrong.customers, 'getCustomer')(client, {}));
  await refused('older login', on(md5.customers, 'getCustomer')(client, {}));
  await refused('unknown action', call('makecoffee', {}));
  await refused('missing parameter', call('getinvoice', {}));
  await refused('no such invoice', on(billing, 'getInvoice')(999999));
  await refused('no such order', on(billing, 'acceptOrder')(999999, {}));
  await refused('too much credit', on(billing, 'applyCredit')(told.made.invoiceid, '4000.00'));
  await refused('no method to charge', on(billing, 'capturePayment')(told.made.invoiceid, {}));
}

drive().then(
  () => console.log(JSON.stringify(told)),
  (error) => {
    console.error(error.stack);
    process.exitCode = 1;
  },
);
