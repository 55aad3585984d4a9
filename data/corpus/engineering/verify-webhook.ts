/**
 * Example: checking the signature of a webhook message from Kaldvard Cloud.
 *
 * The signature header has the form "t=1768896900,v1=9f86d0...". The value after "v1=" is a
 * hexadecimal HMAC over the time stamp, a full stop and the raw request body. Always use the raw
 * bytes of the body: parsing the JSON and writing it out again changes the signature.
 */
import { createHmac, timingSafeEqual } from "node:crypto";

/** Messages that are older or newer than this are refused, to make replaying them useless. */
const TOLERANCE_SECONDS = 240;

/** During rotation of the secret a message carries one signature per valid secret. */
const MAX_SIGNATURES = 2;

export type Verdict = "valid" | "malformed" | "expired" | "forged";

interface ParsedHeader {
  timestamp: number;
  signatures: string[];
}

function parseHeader(header: string): ParsedHeader | null {
  let timestamp = Number.NaN;
  const signatures: string[] = [];
  for (const part of header.split(",")) {
    const [key, value] = part.split("=", 2);
    if (key === "t") {
      timestamp = Number(value);
    } else if (key === "v1" && value !== undefined) {
      signatures.push(value);
    }
  }
  if (!Number.isInteger(timestamp)) return null;
  if (signatures.length === 0 || signatures.length > MAX_SIGNATURES) return null;
  return { timestamp, signatures };
}

export function verifyWebhook(
  header: string,
  rawBody: Buffer,
  secret: string,
  nowSeconds: number = Math.floor(Date.now() / 1000),
): Verdict {
  const parsed = parseHeader(header);
  if (parsed === null) return "malformed";
  if (Math.abs(nowSeconds - parsed.timestamp) > TOLERANCE_SECONDS) return "expired";

  const expected = createHmac("sha256", secret)
    .update(`${parsed.timestamp}.`)
    .update(rawBody)
    .digest();

  for (const signature of parsed.signatures) {
    const candidate = Buffer.from(signature, "hex");
    // timingSafeEqual throws when the lengths differ, so compare them first.
    if (candidate.length === expected.length && timingSafeEqual(candidate, expected)) {
      return "valid";
    }
  }
  return "forged";
}
