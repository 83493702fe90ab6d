/**
 * Keeps what is unsent in IndexedDB, so that it survives a reload.
 */
import { openDB } from "idb";

const STORE = "outbox";

/**
 * @param {string} [name] of the database
 * @returns {import("./environment.js").OutboxStorage}
 */
export function indexedOutbox(name = "parley") {
  /** @type {ReturnType<typeof openDB>|null} */
  let opening = null;
  const database = () => {
    opening ??= openDB(name, 1, { upgrade: (db) => void db.createObjectStore(STORE, { keyPath: "client_id" }) });
    return opening;
  };
  return {
    all: async () => (await database()).getAll(STORE),
    put: async (entry) => void (await (await database()).put(STORE, entry)),
    remove: async (clientId) => (await database()).delete(STORE, clientId),
  };
}
