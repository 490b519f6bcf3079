/** Keys that make an order be carried out once, however often it is sent. */

/** A new key; `crypto.randomUUID` is missing where the page comes over plain HTTP from another machine. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Gives the same key for the same order, and another one once the order changes or was carried out. */
export function orderKeys() {
  let order = "";
  let key = newKey();
  return {
    keyFor(body: unknown): string {
      const text = JSON.stringify(body);
      if (text !== order) [order, key] = [text, newKey()];
      return key;
    },
    carriedOut(): void {
      order = "";
    },
  };
}
