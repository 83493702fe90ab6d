/** Refusals that time may cure, also where no HTTP status comes with them. */
const PASSING = new Set(["rate_limited", "unavailable", "error", "network_error", "unavailable_while_polling"]);

/**
 * A request that did not succeed. `code` is the server's, or one of ours: `network_error` (no answer: it may or may not have
 * been done), `signed_out`, `unexpected` (an answer that is no answer of the API).
 */
export class ApiError extends Error {
  /**
   * @param {{code: string, detail: string, status?: number, attr?: string|null, retryAfter?: number|null, body?: any}} fields
   */
  constructor({ code, detail, status = 0, attr = null, retryAfter = null, body = null }) {
    super(detail);
    this.name = "ApiError";
    this.code = code;
    this.detail = detail;
    this.attr = attr;
    /** 0 where there was none: without an answer, and on sockets. */
    this.status = status;
    /** Seconds, when the server says how long to wait. */
    this.retryAfter = retryAfter;
    this.body = body;
  }

  /** Whether trying again later, unchanged, may succeed. */
  get isPassing() {
    return PASSING.has(this.code) || this.status === 429 || this.status >= 500;
  }

  /** As it stands in the state: a plain object. */
  toState() {
    const { code, detail, attr, status, retryAfter } = this;
    return { code, detail, attr, status, retryAfter };
  }

  /**
   * From an answer of the API: `{type, errors: [{code, detail, attr}]}`.
   *
   * @param {import("../realtime/types.js").HttpAnswer} answer
   * @returns {ApiError}
   */
  static fromAnswer({ status, body, header }) {
    const error = body?.errors?.[0];
    const seconds = Number(header("retry-after") ?? NaN);
    const retryAfter = Number.isFinite(seconds) ? seconds : null;
    const code = error?.code ?? "unexpected";
    const detail = error?.detail ?? `The server answered ${status}.`;
    return new ApiError({ code, detail, status, attr: error?.attr ?? null, retryAfter, body });
  }

  /**
   * Whatever was thrown, as an ApiError.
   *
   * @param {unknown} error
   * @returns {ApiError}
   */
  static from(error) {
    if (error instanceof ApiError) return error;
    const { code, reason, response } = /** @type {any} */ (error ?? {});
    if (typeof code !== "string" || typeof reason !== "string") {
      return new ApiError({ code: "unexpected", detail: String(/** @type {any} */ (error)?.message ?? error) });
    }
    // A push that got no answer is no different from a request that got none.
    const lost = code === "timeout" || code === "disconnected" || code === "closed" || code === "buffer_full";
    return new ApiError({
      code: lost ? "network_error" : code,
      detail: reason,
      status: lost ? 0 : (response?.status ?? 0),
      attr: response?.attr ?? null,
      retryAfter: response?.retry_after ?? null,
      body: response,
    });
  }
}
