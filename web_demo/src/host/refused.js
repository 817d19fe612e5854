/** Something that cannot be trusted or used; the message is for people. */
export class Refused extends Error {
  /**
   * @param {string} message
   * @param {string} [reason] of a refused signature: unsigned, malformed, other_key, changed, wrong or cannot_check
   */
  constructor(message, reason = "") {
    super(message);
    this.reason = reason;
  }
}
