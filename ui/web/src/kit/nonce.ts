/** The nonce that styles made by scripts must carry (Content-Security-Policy). */
export function cspNonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";
}
