/** A brand that the emulator knows. */
export interface EmulatorAccount {
  /** Digits, or a prefix and digits. */
  accountId: string;
  /** What the connector signs in with. */
  clientId: string;
  /** What it signs in with, and the key of the signature on what the webhook gets. */
  clientSecret: string;
}
