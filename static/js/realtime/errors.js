/**
 * A push that did not succeed. `code` is the server's, or one of ours: `timeout`, `disconnected` (the connection was lost
 * before the answer came: it may or may not have been done), `closed` (the channel was left), `buffer_full`.
 */
export class RealtimeError extends Error {
  /**
   * @param {string} code
   * @param {string} reason for people
   * @param {any} [response] what the server answered
   */
  constructor(code, reason, response = null) {
    super(reason);
    this.name = "RealtimeError";
    this.code = code;
    this.reason = reason;
    this.response = response;
  }

  /**
   * From an error reply. Stock reasons are `Code: message`, ours carry a code beside the reason.
   *
   * @param {any} response
   * @returns {RealtimeError}
   */
  static fromResponse(response) {
    const reason = typeof response?.reason === "string" ? response.reason : "The server refused this.";
    const named = /^(\w+): /.exec(reason);
    return new RealtimeError(response?.code ?? named?.[1] ?? "refused", reason, response);
  }
}
