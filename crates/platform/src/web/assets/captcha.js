// The proof of work, in a thread of its own: the first number whose SHA-256 after "challenge:" begins with so many zero bits.
// Written out, because crypto.subtle is there on https alone and waits for a promise at every hash.
const K = new Int32Array(64), START = new Int32Array(8);
// FIPS 180-4: the first 32 bits of the fractional parts of cube roots and square roots of the first primes.
for (let prime = 2, count = 0; count < 64; prime++) {
  let divisor = 2;
  while (divisor * divisor <= prime && prime % divisor) divisor++;
  if (divisor * divisor <= prime) continue;
  if (count < 8) START[count] = (prime ** (1 / 2) % 1) * 2 ** 32;
  K[count++] = (prime ** (1 / 3) % 1) * 2 ** 32;
}
const words = new Int32Array(64);
const turn = (x, by) => (x >>> by) | (x << (32 - by));

function block(state, bytes, at) {
  for (let i = 0; i < 16; i++, at += 4) {
    words[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
  }
  for (let i = 16; i < 64; i++) {
    const x = words[i - 15], y = words[i - 2];
    words[i] = words[i - 16] + (turn(x, 7) ^ turn(x, 18) ^ (x >>> 3)) + words[i - 7] + (turn(y, 17) ^ turn(y, 19) ^ (y >>> 10));
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i++) {
    const one = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + K[i] + words[i]) | 0;
    const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g; g = f; f = e; e = (d + one) | 0; d = c; c = b; b = a; a = (one + two) | 0;
  }
  [a, b, c, d, e, f, g, h].forEach((value, i) => { state[i] += value; });
}

onmessage = ({ data: { token, bits } }) => {
  const head = new TextEncoder().encode(token + ":");
  // What stays the same is hashed once.
  const whole = head.length - (head.length % 64), first = START.slice();
  for (let at = 0; at < whole; at += 64) block(first, head, at);
  const rest = head.slice(whole), state = new Int32Array(8), bytes = new Uint8Array(128);
  for (let number = 0; ; number++) {
    const digits = String(number);
    let length = rest.length;
    bytes.fill(0);
    bytes.set(rest);
    for (let i = 0; i < digits.length; i++) bytes[length++] = digits.charCodeAt(i);
    bytes[length] = 0x80;
    const end = length < 56 ? 64 : 128;
    new DataView(bytes.buffer).setUint32(end - 4, (whole + length) * 8);
    state.set(first);
    for (let at = 0; at < end; at += 64) block(state, bytes, at);
    if (Math.clz32(state[0]) >= bits) return postMessage(digits);
  }
};
